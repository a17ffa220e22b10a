"""The design: which tasks, how often, which side. Pure, so every claim is tried on many sizes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from annotation.design import (
    Candidate,
    choose_slot,
    draw_tasks,
    pair_numbers,
    plan_first_round,
    plan_groups,
    plan_pairs,
    plan_singles,
    plan_slots,
    round_size,
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


# Adaptive pairs


def pairs_of(plan):
    return list(zip(plan.system_a.tolist(), plan.system_b.tolist(), strict=True))


def tasks_of(plan):
    return list(zip(plan.prompt.tolist(), *zip(*pairs_of(plan), strict=True), strict=True))


def even_chances(systems):
    return (1 - np.eye(systems)) / (systems * (systems - 1) / 2)


def random_chances(rng, systems):
    chances = np.triu(rng.exponential(size=(systems, systems)) + 1e-3, 1)
    return (chances + chances.T) / chances.sum()


@given(
    systems=st.integers(2, 9),
    prompts=st.integers(1, 8),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
@in_any_size
def test_the_first_round_is_balanced_joins_all_systems_and_is_even(systems, prompts, share, seed):
    pool = len(plan_pairs(systems=systems, prompts=prompts).prompt)
    count = max(systems - 1, round(share * pool))
    draw = plan_first_round(
        systems=systems, prompts=prompts, count=count, rng=np.random.default_rng(seed)
    )
    assert len(set(tasks_of(draw.tasks))) == len(draw.tasks.prompt) == count
    assert draw.chance.tolist() == [count / pool] * count
    met = np.zeros((systems, systems))
    for a, b in pairs_of(draw.tasks):
        assert a < b
        met[a, b] += 1
    often = met[np.triu_indices(systems, 1)]
    assert often.max() - often.min() <= 1
    each = met.sum(axis=0) + met.sum(axis=1)
    assert each.max() - each.min() <= 1 + systems % 2
    assert connected_components(met, directed=False)[0] == 1


def test_every_task_is_as_likely_to_be_in_the_first_round():
    seen = Counter()
    rng = np.random.default_rng(3)
    for _ in range(3000):
        seen.update(tasks_of(plan_first_round(systems=5, prompts=3, count=7, rng=rng).tasks))
    expected = 3000 * 7 / 30
    assert len(seen) == 30
    # Thirty binomial counts: five standard deviations.
    assert max(abs(n - expected) for n in seen.values()) < 5 * (expected * (1 - 7 / 30)) ** 0.5


@given(
    systems=st.integers(2, 6),
    prompts=st.integers(1, 8),
    rounds=st.integers(1, 5),
    count=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
@in_any_size
def test_rounds_draw_what_is_left_and_nothing_twice(systems, prompts, rounds, count, seed):
    rng = np.random.default_rng(seed)
    chances = random_chances(rng, systems)
    number = pair_numbers(systems)[2]
    available = rng.random((systems * (systems - 1) // 2, prompts)) < 0.8
    for _ in range(rounds):
        left = int(available.sum())
        draw = draw_tasks(chances, available, count=count, rng=rng)
        pair = number[draw.tasks.system_a, draw.tasks.system_b]
        assert len(pair) == len(set(tasks_of(draw.tasks))) == min(count, left)
        assert available[pair, draw.tasks.prompt].all()
        assert ((draw.chance > 0) & (draw.chance <= 1)).all()
        available[pair, draw.tasks.prompt] = False


def test_the_stored_chance_is_how_often_a_task_is_drawn():
    """The pair (0, 1) has one prompt left, so it gives that one for sure; others by chance."""
    rng = np.random.default_rng(5)
    chances = np.zeros((3, 3))
    chances[0, 1], chances[0, 2], chances[1, 2] = 0.6, 0.3, 0.1
    available = np.array([[True, False, False], [True, True, True], [True, True, False]])
    drawn, said = Counter(), {}
    for _ in range(4000):
        draw = draw_tasks(chances + chances.T, available, count=3, rng=rng)
        tasks = tasks_of(draw.tasks)
        drawn.update(tasks)
        said.update(zip(tasks, draw.chance.tolist(), strict=True))
    assert said[0, 0, 1] == 1
    assert said[1, 0, 2] == pytest.approx(1.5 / 3)
    assert said[1, 1, 2] == pytest.approx(0.5 / 2)
    assert sum(said.values()) == pytest.approx(3)
    for task, chance in said.items():
        assert drawn[task] / 4000 == pytest.approx(chance, abs=5 * 0.5 / 4000**0.5)


def test_a_pairs_number_of_tasks_is_its_expected_one_up_or_down():
    rng = np.random.default_rng(6)
    chances = random_chances(rng, 6)
    available = np.ones((15, 40), dtype=bool)
    expected = 50 * chances
    for _ in range(20):
        met = Counter(pairs_of(draw_tasks(chances, available, count=50, rng=rng).tasks))
        assert all(abs(met[a, b] - expected[a, b]) < 1 for a in range(6) for b in range(a + 1, 6))


@pytest.mark.parametrize("wrong", [0.0, float("nan"), -0.1])
def test_a_pair_without_a_chance_is_refused(wrong):
    chances = even_chances(3)
    chances[0, 1] = chances[1, 0] = wrong
    with pytest.raises(ValueError, match="no chance"):
        draw_tasks(chances, np.ones((3, 2), dtype=bool), count=2, rng=np.random.default_rng(0))


def test_where_nothing_is_left_nothing_is_drawn():
    nothing = np.zeros((3, 2), dtype=bool)
    draw = draw_tasks(even_chances(3), nothing, count=2, rng=np.random.default_rng(0))
    assert len(draw.chance) == len(draw.tasks.prompt) == 0


@given(
    systems=st.integers(2, 5),
    target=st.integers(1, 4),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
)
@in_any_size
def test_every_pair_is_balanced_over_all_rounds_too(systems, target, sizes, seed):
    rng = np.random.default_rng(seed)
    chances = random_chances(rng, systems)
    available = np.ones((systems * (systems - 1) // 2, 20), dtype=bool)
    number = pair_numbers(systems)[2]
    lead = np.zeros((systems, systems), dtype=int)
    for count in sizes:
        tasks = draw_tasks(chances, available, count=count, rng=rng).tasks
        available[number[tasks.system_a, tasks.system_b], tasks.prompt] = False
        so_far = lead[tasks.system_a, tasks.system_b]
        slots = plan_slots(tasks, target=target, rng=rng, lead=so_far)
        pairs = zip(tasks.system_a[slots.task], tasks.system_b[slots.task], strict=True)
        for pair, more in a_left_minus_b_left(pairs, slots.a_left).items():
            lead[pair] += more
        assert np.abs(lead).max() <= 1


def test_a_round_asks_about_thirty_judgments_of_each_system():
    assert round_size(systems=10, target=3) == 50
    assert round_size(systems=4, target=100) == 4
