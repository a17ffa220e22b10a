"""The design: which tasks, how often, which side. Pure, so every claim is tried on many sizes."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.design import (
    Candidate,
    choose_slot,
    plan_groups,
    plan_pairs,
    plan_singles,
    plan_slots,
    with_null_pairs,
)

SIZES = {
    "systems": st.integers(2, 6),
    "prompts": st.integers(1, 12),
    "target": st.integers(1, 7),
    "seed": st.integers(0, 2**63 - 1),
}
in_any_size = settings(max_examples=60, deadline=None)


def plan(systems, prompts, target, seed, *, is_pairwise=True):
    make = plan_pairs if is_pairwise else plan_singles
    tasks = make(systems=systems, prompts=prompts)
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
def test_every_pair_or_system_is_asked_about_once_on_every_prompt(systems, prompts, is_pairwise):
    tasks, _ = plan(systems, prompts, 1, 0, is_pairwise=is_pairwise)
    count = prompts * (systems * (systems - 1) // 2 if is_pairwise else systems)
    assert len(tasks.prompt) == len(tasks.members) == count
    assert len(set(zip(tasks.prompt, tasks.system_a, tasks.system_b, strict=True))) == count


def test_a_pair_is_named_in_the_order_of_the_systems():
    tasks = plan_pairs(systems=3, prompts=1)
    pairs = list(zip(tasks.system_a.tolist(), tasks.system_b.tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (1, 2)]


def test_mos_asks_about_one_system_at_a_time():
    tasks = plan_singles(systems=3, prompts=2)
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


# An output compared with itself


@given(**SIZES, share=st.floats(0, 0.5))
@in_any_size
def test_null_pairs_are_a_share_of_the_pairs_and_fair_to_systems(
    systems, prompts, target, seed, share
):
    rng = np.random.default_rng(seed)
    pairs = plan_pairs(systems=systems, prompts=prompts)
    both = with_null_pairs(pairs, systems=systems, prompts=prompts, share=share, rng=rng)
    is_null = both.system_a == both.system_b
    assert is_null.sum() == min(np.ceil(share * len(pairs.prompt)), systems * prompts)
    assert (~is_null).sum() == len(pairs.prompt)
    each = np.bincount(both.system_a[is_null], minlength=systems)
    assert each.max() - each.min() <= 1
    nulls = set(zip(both.prompt[is_null], both.system_a[is_null], strict=True))
    assert len(nulls) == is_null.sum()
    slots = plan_slots(both, target=target, rng=rng)
    kinds = zip(both.system_a[slots.task], both.system_b[slots.task], strict=True)
    assert all(abs(n) <= 1 for n in a_left_minus_b_left(kinds, slots.a_left).values())


# Groups


def groups(systems, prompts, size, seed, extra=0):
    rng = np.random.default_rng(seed)
    return plan_groups(systems=systems, prompts=prompts, size=size, rng=rng, extra=extra), rng


group_sizes = given(
    systems=st.integers(3, 12),
    prompts=st.integers(1, 12),
    size=st.integers(3, 5),
    seed=st.integers(0, 2**63 - 1),
)


@group_sizes
@in_any_size
def test_every_system_is_in_a_group_on_every_prompt_and_in_none_twice(systems, prompts, size, seed):
    tasks, _ = groups(systems, prompts, size, seed)
    assert tasks.members.shape == (prompts * -(-systems // min(size, systems)), min(size, systems))
    assert all(len(set(group)) == len(group) for group in tasks.members.tolist())
    for prompt in range(prompts):
        assert set(tasks.members[tasks.prompt == prompt].ravel()) == set(range(systems))
    shown = np.bincount(tasks.members.ravel(), minlength=systems)
    assert shown.max() - shown.min() <= 1


def test_over_many_prompts_all_pairs_meet_about_equally_often():
    tasks, _ = groups(systems=9, prompts=60, size=4, seed=5)
    met = np.zeros((9, 9))
    for group in tasks.members:
        met[np.ix_(group, group)] += 1
    often = met[np.triu_indices(9, 1)]
    assert often.max() - often.min() <= 0.2 * often.mean()


@given(
    systems=st.integers(3, 6),
    prompts=st.integers(1, 12),
    target=st.integers(1, 7),
    extra=st.integers(0, 1),
    seed=st.integers(0, 2**63 - 1),
)
@in_any_size
def test_in_every_layer_each_output_stands_at_each_place_equally_often(
    systems, prompts, target, extra, seed
):
    tasks, rng = groups(systems, prompts, systems, seed, extra)
    slots = plan_slots(tasks, target=target, rng=rng)
    size = systems + extra
    assert all(sorted(order) == list(range(size)) for order in slots.order.tolist())
    for layer in slots.order.reshape(target, prompts, size):
        at = np.stack([(layer == place).sum(axis=0) for place in range(size)])
        assert at.max() - at.min() <= 1


@given(target=st.integers(1, 9), seed=st.integers(0, 1000))
@in_any_size
def test_over_the_layers_of_a_task_each_output_moves_through_all_places(target, seed):
    tasks, rng = groups(4, 3, 4, seed)
    slots = plan_slots(tasks, target=target, rng=rng)
    for task in range(3):
        orders = slots.order[slots.task == task]
        at = np.stack([(orders == place).sum(axis=0) for place in range(4)])
        assert at.max() - at.min() <= 1
