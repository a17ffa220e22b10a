"""An order that a rater could learn is a leak; the orders that the design draws are none."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.audit import audit_blinding
from annotation.launch import launch_study
from annotation.models import Assignment
from annotation.shown_orders import ShownOrders
from tests.factories import make_study


def rules_of(screens: list[list[str]]) -> list[str]:
    orders = ShownOrders()
    for screen in screens:
        orders.note(screen)
    return list(orders.rules())


def test_a_system_that_is_always_on_the_left_is_a_rule():
    assert rules_of([["a", "b"]] * 12) == [
        "a always in place 1 of 2, 12 times",
        "b always in place 2 of 2, 12 times",
    ]


def test_a_few_screens_tell_nothing():
    assert rules_of([["a", "b"]] * 11) == []
    assert rules_of([["a"], ["b"]]) == []


def test_one_screen_the_other_way_round_breaks_the_rule():
    assert rules_of([*[["a", "b"]] * 30, ["b", "a"]]) == []


def test_a_place_in_a_group_is_a_rule_too():
    rng = np.random.default_rng(1)
    screens = [["a", *rng.permutation(["b", "c", "d"]).tolist()] for _ in range(8)]
    assert rules_of(screens) == ["a always in place 1 of 4, 8 times"]


def test_one_system_after_the_other_and_a_rotation_are_rules():
    assert rules_of([["a"]] * 10 + [["b"]] * 10) == [
        "all outputs of one system, then all of the next"
    ]
    assert rules_of([["a"], ["b"], ["c"]] * 5) == ["the systems in one rotation"]


def test_shuffled_screens_are_no_rule():
    rng = np.random.default_rng(2)
    found = [
        rule
        for _ in range(200)
        for rule in rules_of([rng.permutation(["a", "b"]).tolist() for _ in range(20)])
    ]
    assert found == []


@pytest.mark.django_db
@pytest.mark.parametrize("protocol", ["pairwise", "mos", "mushra"])
def test_a_launched_study_has_no_rule(protocol):
    options = {"reference": False} if protocol == "mushra" else {}
    study = launch_study(make_study(prompts=14, protocol=protocol, options=options))
    assert audit_blinding(study) == []


@pytest.mark.django_db
def test_the_audit_finds_sides_that_are_a_rule():
    study = launch_study(make_study(prompts=14))
    Assignment.objects.filter(study=study).update(left="a")
    assert {finding.where for finding in audit_blinding(study)} == {"order of the tasks"}
