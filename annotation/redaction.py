"""Names that outputs say of themselves, hidden from raters; the outputs stay as they were made.

Every output of a study has the same words hidden, whichever system made it, and the mark is the
same for all of them: it says that something is hidden, not what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from annotation.exceptions import StudyNotDraft
from annotation.models import Study
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import is_storable

MARK = '<span class="redacted">[…]</span>'
MOST_WORDS = 50
#: Characters of a word; a shorter one stands inside every text.
LENGTHS = (2, 60)
#: A tag with its attributes; what stands between tags is text.
_TAG = re.compile(r"""(<(?:[^"'>]|"[^"]*"|'[^']*')*>)""")


def redacted(html: str, words: Sequence[str]) -> str:
    """Return sanitised HTML with a mark in place of each of the words, in any case."""
    if not words:
        return html
    longest_first = sorted(words, key=len, reverse=True)
    found = re.compile("|".join(map(_whole_word, longest_first)), re.IGNORECASE)
    parts = _TAG.split(html)
    # Even places are text, odd ones tags, which stay as they are.
    parts[::2] = [found.sub(MARK, text) for text in parts[::2]]
    return "".join(parts)


def left_over(names: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the names that are still read where the words are hidden."""
    hidden = {word.casefold() for word in words}
    return [name for name in names if name.casefold() not in hidden]


def check_words(words: Any) -> list[str]:
    """Return the words, each once; raise `InputRefused` for what cannot be hidden."""
    low, high = LENGTHS
    if not isinstance(words, list) or len(words) > MOST_WORDS:
        raise InputRefused("redact is no list of words", expected=f"at most {MOST_WORDS} words")
    for word in words:
        is_text = isinstance(word, str) and is_storable(word)
        if not is_text or not low <= len(word.strip()) <= high:
            raise InputRefused(f"redact has {word!r}", expected=f"words of {low} to {high} letters")
    return sorted({word.strip() for word in words}, key=str.casefold)


@write_transaction()
def hide_words(study: Study, words: Sequence[str], *, by: Any = None) -> None:
    """Hide these words and no others; raise `StudyNotDraft` once raters may have read them."""
    checked = check_words(list(words))
    drafts = Study.objects.filter(pk=study.pk, state=Study.State.DRAFT)
    if not drafts.update(redact=checked):
        raise StudyNotDraft
    study.redact = checked
    study.log("words hidden", by=by, words=checked)


def _whole_word(word: str) -> str:
    return rf"(?<!\w){re.escape(escape(word, quote=False))}(?!\w)"
