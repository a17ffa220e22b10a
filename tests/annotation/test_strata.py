"""What a rater is given next: categories in their shares, and not the same pair again."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from annotation.assignments import judge_and_go_on, next_turn, skip_assignment
from annotation.launch import launch_study
from annotation.models import Assignment
from annotation.shown_orders import ShownOrders
from annotation.strata import MOST_CATEGORIES, shares_of_prompts
from tests.factories import make_prompt, make_prompt_set, make_rater, make_study

pytestmark = pytest.mark.django_db


def prompts_of(*categories):
    prompt_set = make_prompt_set(prompts=0)
    for position, category in enumerate(categories):
        make_prompt(prompt_set=prompt_set, position=position, category=category)
    return prompt_set


def test_the_shares_are_those_among_the_prompts():
    assert shares_of_prompts(prompts_of("code", "chat", "code", "").prompts) == {
        "code": 0.5, "chat": 0.25, "": 0.25,
    }  # fmt: skip


def test_one_category_is_none_and_so_are_labels_of_single_prompts():
    assert shares_of_prompts(prompts_of("code", "code").prompts) == {}
    labels = [f"label {i}" for i in range(MOST_CATEGORIES + 1)]
    assert shares_of_prompts(prompts_of(*labels).prompts) == {}


def test_a_launch_freezes_them():
    study = launch_study(make_study(prompt_set=prompts_of("code", "chat", "chat", "chat")))
    assert study.category_shares == study.plan["category_shares"] == {"code": 0.25, "chat": 0.75}


def test_a_raters_tasks_follow_them_and_no_pair_comes_twice_in_a_row():
    categories = ["code"] * 6 + ["chat"] * 18
    draft = make_study(systems=3, prompt_set=prompts_of(*categories), judgments_per_task=1)
    study = launch_study(draft)
    bob = make_rater(study, cursor=5)
    turn = next_turn(bob)
    for _ in range(20):
        token = Assignment.objects.get(pk=turn.assignment_pk).token
        turn = judge_and_go_on(bob, token=token, choice="left")
    rows = study.judgments.order_by("pk").values_list(
        "task__prompt__category", "task__system_a", "task__system_b"
    )
    shown = Counter(category for category, *_ in rows)
    assert abs(shown["code"] - 5) <= 1
    pairs = [pair for _, *pair in rows]
    assert all(one != following for one, following in pairwise(pairs))


def on_screen(rater):
    slots = Assignment.objects.select_related("task__system_a")
    return slots.get(pk=next_turn(rater).assignment_pk)


def test_after_a_skip_too_another_pair_comes():
    study = launch_study(make_study(systems=3, prompts=20, judgments_per_task=1))
    bob = make_rater(study)
    pairs = []
    for _ in range(15):
        slot = on_screen(bob)
        pairs.append((slot.task.system_a_id, slot.task.system_b_id))
        skip_assignment(bob, token=slot.token)
    assert all(one != following for one, following in pairwise(pairs))


@pytest.mark.parametrize("seed", range(3))
def test_single_outputs_come_in_no_order_that_tells_their_system(seed):
    study = launch_study(
        make_study(systems=2, prompts=20, judgments_per_task=1, protocol="mos", seed=seed)
    )
    bob, shown = make_rater(study), ShownOrders()
    systems = []
    for _ in range(40):
        slot = on_screen(bob)
        systems.append(slot.task.system_a_id)
        shown.note([slot.task.system_a.slug])
        judge_and_go_on(bob, token=slot.token, choice="3")
    assert list(shown.rules()) == []
    assert 5 < sum(one == following for one, following in pairwise(systems)) < 34
