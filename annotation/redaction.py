"""Names that outputs say of themselves, kept from raters; the outputs stay as they were made.

Words can be hidden: in every output of a study, whichever system made it, and under one mark, which
says that something is hidden, not what. Or prompts can be left out, with all their outputs.
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
from generation.models import PromptSet

MARK = '<span class="redacted">[…]</span>'
MOST_WORDS = 50
MOST_LEFT_OUT = 1000
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


def check_left_out(prompt_set: PromptSet, keys: Any) -> list[str]:
    """Return the keys, each once; raise `InputRefused` unless they are some of the prompts."""
    if not isinstance(keys, list) or len(keys) > MOST_LEFT_OUT:
        raise InputRefused("left_out is no list", expected=f"at most {MOST_LEFT_OUT} ids")
    if not keys:
        return []
    is_text = all(isinstance(key, str) and is_storable(key) for key in keys)
    known = set(
        prompt_set.prompts.filter(key__in=keys if is_text else []).values_list("key", flat=True)
    )
    for key in keys:
        if not isinstance(key, str) or key not in known:
            raise InputRefused(f"left_out has {key!r}", expected="ids of the prompt set")
    if len(known) == prompt_set.prompts.count():
        raise InputRefused("every prompt is left out", expected="some to ask about")
    return sorted(known)


@write_transaction()
def screen_outputs(
    study: Study, *, words: Sequence[str], left_out: Sequence[str], by: Any = None
) -> None:
    """Hide these words and ask about none of these prompts, in place of what was said before.

    Raises `InputRefused`, and `StudyNotDraft` once raters may have read them.
    """
    screened = {
        "redact": check_words(list(words)),
        "left_out": check_left_out(study.prompt_set, list(left_out)),
    }
    drafts = Study.objects.filter(pk=study.pk, state=Study.State.DRAFT)
    if not drafts.update(**screened):
        raise StudyNotDraft
    study.redact, study.left_out = screened["redact"], screened["left_out"]
    study.log("outputs screened", by=by, **screened)


def _whole_word(word: str) -> str:
    return rf"(?<!\w){re.escape(escape(word, quote=False))}(?!\w)"
