"""CCR: the second against the first, stored as a against b; null pairs."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db.models import F

from annotation.models import Assignment
from annotation.protocols import PROTOCOLS
from evalsite.lib.exceptions import InputRefused
from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("first", "choice", "score"), [("a", "3", -3), ("b", "3", 3), ("a", "-2", 2), ("b", "0", 0)]
)
def test_the_score_is_a_against_b_whichever_came_first(first, choice, score):
    bob = Rating(launched("ccr"))
    Assignment.objects.filter(pk=bob.slot.pk).update(left=first)
    bob.send(choice=choice)
    judgment = bob.study.judgments.get()
    assert (judgment.score, judgment.left, judgment.verdict) == (score, first, "")


@pytest.mark.parametrize("choice", ["4", "-4", "1.5", "left", "+1", "٣"])
def test_a_score_off_the_scale_is_refused(choice):
    assert Rating(launched("ccr")).send(choice=choice).page.status_code == 409


def test_null_pairs_show_one_output_twice_and_are_marked_by_their_systems():
    study = launched("ccr", systems=3, prompts=4)
    nulls = study.tasks.filter(system_a=F("system_b"))
    # Twelve pairs, half as many null pairs, two of each system.
    assert (study.task_count, nulls.count()) == (18, 6)
    assert set(Counter(nulls.values_list("system_a", flat=True)).values()) == {2}
    assert not nulls.exclude(output_a=F("output_b")).exists()
    bob = Rating(study)
    while bob.slot.task.system_a_id != bob.slot.task.system_b_id:
        bob.send(choice="0")
    first, second = bob.task.outputs
    assert first.html == second.html
    assert (first.label, second.label) == ("First", "Second")


def test_what_comes_first_is_balanced_for_each_pair_and_each_null_pair():
    study = launched("ccr", systems=3, prompts=4, judgments_per_task=4)
    firsts = Counter(study.assignments.values_list("task__system_a", "task__system_b", "left"))
    assert set(firsts.values()) <= {8, 4}
    for (a, b, _), n in firsts.items():
        assert firsts[a, b, "a"] == firsts[a, b, "b"] == n


def test_the_words_are_those_of_p_800():
    words = [choice.words for choice in Rating(launched("ccr")).parts[0].choices]
    assert words == [
        "Much worse",
        "Worse",
        "Slightly worse",
        "About the same",
        "Slightly better",
        "Better",
        "Much better",
    ]


@pytest.mark.parametrize("share", [-0.1, 0.6, "half", True, float("nan")])
def test_a_share_of_null_pairs_is_from_0_to_a_half(share):
    with pytest.raises(InputRefused, match="a share from 0 to"):
        PROTOCOLS["ccr"].parse({"null_share": share})
