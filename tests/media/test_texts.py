"""Texts that are too large, or unpack to too much, beside the media."""

from __future__ import annotations

import json
import time

import pytest
from django.core.management import call_command

from evalsite.lib.markdown import MAX_MARKDOWN_CHARS, render_markdown
from generation.models import Output
from generation.rows import MAX_TEXT
from tests.factories import make_prompt_set, make_system


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("length", "words"),
    [
        (40 * 2**20, "f.jsonl:2: the line is too long; expected at most 8 MiB a line"),
        (MAX_TEXT + 1, f"f.jsonl:2: output has {MAX_TEXT + 1} characters; expected at most"),
    ],
)
def test_a_text_that_nobody_can_judge_is_refused(capsys, tmp_path, length, words):
    make_system(slug="one")
    make_prompt_set(slug="set")
    line = {"prompt_id": "p1", "system": "one", "output": "fine"}
    huge = {**line, "prompt_id": "p2", "output": "x" * length}
    (tmp_path / "f.jsonl").write_text(json.dumps(line) + "\n" + json.dumps(huge) + "\n")
    with pytest.raises(SystemExit) as ended:
        call_command("import_outputs", tmp_path / "f.jsonl", prompt_set="set")
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
    assert not Output.objects.exists()


BOMBS = ["<div>", "[", "**_", "$a", "> ", "&lt;", "| a ", "- a\n  ", "![a](b)", "<!--"]


@pytest.mark.parametrize("part", BOMBS)
def test_markup_without_end_is_shown_as_it_is_and_quickly(part):
    bomb = part * (MAX_TEXT // len(part))
    started = time.monotonic()
    html = render_markdown(bomb)
    assert time.monotonic() - started < 5
    assert len(html) < 6 * len(bomb)
    assert html.startswith('<pre tabindex="0">')
    assert "<div" not in html
    assert "<!--" not in html


@pytest.mark.parametrize("part", BOMBS)
def test_what_is_still_formatted_does_not_nest_without_end(part):
    html = render_markdown(part * (4_000 // len(part)))
    assert html.count("<blockquote") + html.count("<ul") < 100
    assert len(html) < 200_000


def test_a_long_text_without_markup_stays_readable():
    html = render_markdown("Ein & <b>Text</b>. " * (MAX_MARKDOWN_CHARS // 10))
    assert html.startswith('<pre tabindex="0">Ein &amp; &lt;b&gt;Text')
