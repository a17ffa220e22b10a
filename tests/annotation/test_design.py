"""The design: which tasks, how often, which side. Pure, so every claim is tried on many sizes."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.design import Candidate, choose_slot, plan_slots, plan_tasks, task_count

SIZES = {
    "systems": st.integers(2, 6),
    "prompts": st.integers(1, 12),
    "target": st.integers(1, 7),
    "seed": st.integers(0, 2**63 - 1),
}
in_any_size = settings(max_examples=60, deadline=None)


def plan(systems, prompts, target, seed, *, is_pairwise=True):
    tasks = plan_tasks(is_pairwise=is_pairwise, systems=systems, prompts=prompts)
    return tasks, plan_slots(tasks, target=target, rng=np.random.default_rng(seed))


def a_left_minus_b_left(keys, a_left):
    """Sum +1 where a is on the left and -1 where b is, by key."""
    sums = Counter()
    for key, is_a_left in zip(keys, a_left, strict=True):
        sums[key] += 1 if is_a_left else -1
    return sums


@given(**SIZES, is_pairwise=st.booleans())
@in_any_size
def test_every_task_has_exactly_its_target_of_slots(systems, prompts, target, seed, is_pairwise):
    tasks, slots = plan(systems, prompts, target, seed, is_pairwise=is_pairwise)
    seen = list(zip(slots.task.tolist(), slots.k.tolist(), strict=True))
    assert sorted(seen) == [(t, k) for t in range(len(tasks.prompt)) for k in range(target)]


@given(**SIZES, is_pairwise=st.booleans())
@in_any_size
def test_the_slots_come_in_layers_of_all_tasks(systems, prompts, target, seed, is_pairwise):
    tasks, slots = plan(systems, prompts, target, seed, is_pairwise=is_pairwise)
    for k, layer in enumerate(slots.task.reshape(target, -1)):
        assert sorted(layer) == list(range(len(tasks.prompt)))
        assert set(slots.k.reshape(target, -1)[k]) == {k}


@given(**SIZES)
@in_any_size
def test_every_pair_stands_both_ways_round_equally_often_to_within_one(
    systems, prompts, target, seed
):
    tasks, slots = plan(systems, prompts, target, seed)
    pairs = zip(tasks.system_a[slots.task], tasks.system_b[slots.task], strict=True)
    assert all(abs(n) <= 1 for n in a_left_minus_b_left(pairs, slots.a_left).values())


@given(**SIZES)
@in_any_size
def test_so_it_does_within_each_layer(systems, prompts, target, seed):
    tasks, slots = plan(systems, prompts, target, seed)
    keys = zip(slots.k, tasks.system_a[slots.task], tasks.system_b[slots.task], strict=True)
    assert all(abs(n) <= 1 for n in a_left_minus_b_left(keys, slots.a_left).values())


@given(**SIZES)
@in_any_size
def test_within_a_task_the_sides_differ_by_one_at_most(systems, prompts, target, seed):
    _, slots = plan(systems, prompts, target, seed)
    sums = a_left_minus_b_left(slots.task.tolist(), slots.a_left)
    assert all(abs(n) == target % 2 for n in sums.values())


@given(systems=st.integers(1, 8), prompts=st.integers(0, 9), is_pairwise=st.booleans())
@in_any_size
def test_the_count_of_tasks_is_known_beforehand(systems, prompts, is_pairwise):
    tasks = plan_tasks(is_pairwise=is_pairwise, systems=systems, prompts=prompts)
    count = task_count(is_pairwise=is_pairwise, systems=systems, prompts=prompts)
    assert len(tasks.prompt) == len(tasks.system_a) == len(tasks.system_b) == count
    assert len(set(zip(tasks.prompt, tasks.system_a, tasks.system_b, strict=True))) == count


def test_a_pair_is_named_in_the_order_of_the_systems():
    tasks = plan_tasks(is_pairwise=True, systems=3, prompts=1)
    pairs = list(zip(tasks.system_a.tolist(), tasks.system_b.tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (1, 2)]


def test_mos_asks_about_one_system_at_a_time():
    tasks = plan_tasks(is_pairwise=False, systems=3, prompts=2)
    assert tasks.system_a.tolist() == [0, 1, 2, 0, 1, 2]
    assert set(tasks.system_b.tolist()) == {-1}


def test_the_same_seed_makes_the_same_plan_and_another_seed_another():
    _, one = plan(4, 10, 3, 7)
    _, same = plan(4, 10, 3, 7)
    _, other = plan(4, 10, 3, 8)
    assert one.task.tolist() == same.task.tolist()
    assert one.a_left.tolist() == same.a_left.tolist()
    assert one.task.tolist() != other.task.tolist()


@given(rounds=st.integers(1, 40), pairs=st.integers(1, 5), seed=st.integers(0, 1000))
@in_any_size
def test_a_rater_with_slots_to_choose_from_sees_each_pair_balanced(rounds, pairs, seed):
    rng = np.random.default_rng(seed)
    shown = Counter()
    for _ in range(rounds):
        candidates = [
            Candidate(pair=(0, int(pair)), prompt=0, a_left=bool(side))
            for pair in rng.integers(1, pairs + 1, 6)
            for side in (0, 1)
        ]
        chosen = candidates[choose_slot(candidates, shown)]
        shown[chosen.pair, chosen.a_left] += 1
    for pair in range(1, pairs + 1):
        assert abs(shown[(0, pair), True] - shown[(0, pair), False]) <= 1
    assert abs(sum(n if a_left else -n for (_, a_left), n in shown.items())) <= pairs


def test_of_equally_good_slots_the_first_is_taken():
    same = [Candidate(pair=(0, 1), prompt=p, a_left=True) for p in (3, 4)]
    assert choose_slot(same, {}) == 0
    assert choose_slot(same, {}, last_prompt=3) == 1
