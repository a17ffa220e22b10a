"""Likert: each criterion has a scale and words of its own."""

from __future__ import annotations

import pytest

from annotation.protocols import PROTOCOLS
from annotation.protocols.likert import AGREEMENT
from evalsite.lib.exceptions import InputRefused
from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db


def test_every_criterion_is_scored_on_its_own_scale():
    bob = Rating(launched("likert"))
    clear, correct = bob.parts
    assert [choice.words for choice in clear.choices] == ["Not", "A little", "Very"]
    assert tuple(choice.words for choice in correct.choices) == AGREEMENT
    bob.send(criterion_clear="3", criterion_it_is_correct="5")
    judgment = bob.study.judgments.get()
    assert judgment.answer == {"scores": {"clear": 3, "it_is_correct": 5}}
    assert (judgment.verdict, judgment.score) == ("", None)


def test_a_score_of_another_scale_is_refused():
    bob = Rating(launched("likert"))
    assert bob.send(criterion_clear="5", criterion_it_is_correct="5").page.status_code == 409


def test_what_was_answered_is_kept_while_the_rest_is_asked_for():
    bob = Rating(launched("likert"))
    bob.send(criterion_clear="2", comment="Half.")
    assert "One answer is missing: It is correct." in bob.text
    clear, correct = bob.page.context["task"].parts
    assert (clear.value, correct.value) == ("2", "")
    assert "Half.</textarea>" in bob.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "option criteria is missing"),
        ({"criteria": []}, "option criteria is missing"),
        ({"criteria": [{"label": "x", "words": ["one"]}]}, "expected 2 to 10 short texts"),
        ({"criteria": [{"label": "x", "words": "abc"}]}, "expected 2 to 10 short texts"),
        ({"criteria": [{"label": "x", "words": ["a", 3]}]}, "expected 2 to 10 short texts"),
    ],
)
def test_wrong_options_say_what_was_expected(options, words):
    with pytest.raises(InputRefused, match=words):
        PROTOCOLS["likert"].parse(options)
