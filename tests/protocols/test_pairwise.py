"""Pairwise with its options: strength, criteria, a reason."""

from __future__ import annotations

import pytest

from annotation.models import Assignment
from annotation.protocols import PROTOCOLS
from evalsite.lib.exceptions import InputRefused
from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db


def on_the_left(bob: Rating, side: str) -> Rating:
    Assignment.objects.filter(pk=bob.slot.pk).update(left=side)
    return bob


@pytest.mark.parametrize(
    ("side", "choice", "verdict", "strength"),
    [
        ("a", "left-4", "a", 4),
        ("b", "left-1", "b", 1),
        ("a", "right-2", "b", 2),
        ("b", "right-3", "a", 3),
        ("b", "tie", "tie", None),
        ("a", "both_bad", "both_bad", None),
    ],
)
def test_strength_is_stored_beside_the_verdict(side, choice, verdict, strength):
    bob = on_the_left(Rating(launched("strength")), side).send(choice=choice)
    judgment = bob.study.judgments.get()
    assert (judgment.verdict, judgment.answer.get("strength")) == (verdict, strength)


@pytest.mark.parametrize("choice", ["left", "left-0", "left-5", "tie-2", "right-"])
def test_a_step_that_is_not_offered_is_refused(choice):
    assert Rating(launched("strength")).send(choice=choice).page.status_code == 409


def test_the_ten_choices_have_ten_keys_and_close_up_without_ties():
    keys = [choice.key for choice in Rating(launched("strength")).parts[0].choices]
    assert keys == list("1234567890")
    bob = Rating(launched("strength", allow_tie=False, allow_both_bad=False), "carol")
    values = [choice.value for choice in bob.parts[0].choices]
    assert values == [*(f"left-{n}" for n in (4, 3, 2, 1)), *(f"right-{n}" for n in (1, 2, 3, 4))]
    assert "Left is</p>" in bob.text


@pytest.mark.parametrize("side", ["a", "b"])
def test_each_criterion_has_a_verdict_and_the_question_gives_the_judgments(side):
    bob = on_the_left(Rating(launched("criteria")), side)
    bob.send(criterion_clear="right", choice="left")
    judgment = bob.study.judgments.get()
    assert judgment.verdict == side
    assert judgment.answer == {"criteria": {"clear": {"a": "b", "b": "a"}[side]}}


def test_a_reason_that_is_missing_is_asked_for_and_the_choice_is_kept():
    bob = Rating(launched("reason"))
    token = bob.token()
    bob.send(choice="right", comment="  ", seconds="2.5")
    assert bob.page.status_code == 409
    assert "Please write why" in bob.text
    assert bob.token() == token
    (part,) = bob.page.context["task"].parts
    assert part.value == "right"
    assert 'value="2.5"' in bob.text
    assert not bob.study.judgments.exists()
    bob.send(choice="right", comment="It answers.")
    assert bob.study.judgments.get().comment == "It answers."


def test_htmx_gets_the_question_again_as_a_part():
    bob = Rating(launched("reason"))
    fields = {"token": bob.token(), "choice": "tie"}
    part = bob.client.post(bob.url, fields, headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "Please write why" in part.content.decode()
    assert "<html" not in part.content.decode()


def test_what_is_kept_never_moves_to_another_task():
    bob = Rating(launched("reason"))
    token = bob.token()
    bob.client.post(f"/rate/{bob.study.public_id}/skip/", {"token": token})
    bob.send(token=token, choice="right")
    assert bob.page.status_code == 200
    assert "checked" not in bob.text


def test_an_optional_reason_is_no_hindrance():
    bob = Rating(launched("pairwise", options={"reason": "optional"}))
    assert "If you like, say why" in bob.text
    bob.send(choice="tie")
    assert bob.study.judgments.get().comment == ""


def test_a_criterion_without_latin_letters_is_named_by_its_number():
    first, second = PROTOCOLS["pairwise"].parse({"criteria": ["Clear", "это"]}).criteria
    assert (first.key, second.key) == ("clear", "criterion_2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strength": 1}, "option strength is 1; expected true or false"),
        ({"reason": "maybe"}, "expected one of off, optional, required"),
        ({"criteria": ["x"], "strength": True}, "expected one of them"),
        ({"criteria": ["x", "X"]}, "expected criteria with different keys"),
        ({"criteria": [{"label": ""}]}, "expected a text"),
        ({"criteria": [{"label": "x" * 201}]}, "at most 200"),
        ({"criteria": [{"label": "x", "words": ["a", "b"]}]}, "a table with key, label"),
        ({"criteria": [{"label": "a\x00"}]}, "expected a text"),
        ({"criteria": ["x"] * 13}, "a list of at most 12 criteria"),
        ({"criteria": [{"label": "x", "key": ["a"]}]}, "letters a to z"),
    ],
)
def test_wrong_options_say_what_was_expected(options, words):
    with pytest.raises(InputRefused) as refused:
        PROTOCOLS["pairwise"].parse(options)
    assert words in str(refused.value)
