"""A refusal is told by how an output begins."""

from __future__ import annotations

import pytest

from generation.models import Output
from generation.refusals import PATTERN, looks_like_refusal
from tests.factories import make_output, make_prompt_set, make_system

REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, no.",
    "  **I am sorry**",
    "I cannot do that.",
    "I can\u2019t do that.",
    "Unfortunately, I am unable to say.",
    "As an AI language model, I have no opinion.",
    "I apologise for that.",
]
ANSWERS = [
    "",
    "Water boils at 100 \u00b0C.",
    "He said: I am sorry.",
    "I can help with that.",
    "As an example, take two.",
    "Sorry is a word.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_told(text):
    assert looks_like_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_not(text):
    assert not looks_like_refusal(text)


@pytest.mark.django_db
def test_the_database_tells_the_same_ones():
    texts = [*REFUSALS, *ANSWERS]
    prompt_set = make_prompt_set(prompts=len(texts))
    for prompt, text in zip(prompt_set.prompts.all(), texts, strict=True):
        make_output(system=make_system(), prompt=prompt, text=text)
    found = Output.objects.filter(text__iregex=PATTERN).values_list("text", flat=True)
    assert sorted(found) == sorted(REFUSALS)
