"""Rounds of pairs, and what a rater is given. Pure, so every claim is tried on many sizes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from annotation.design import (
    Candidate,
    Seen,
    choose_slot,
    draw_tasks,
    pair_numbers,
    plan_first_round,
    plan_slots,
    round_size,
)

in_any_size = settings(max_examples=60, deadline=None)


def a_left_minus_b_left(keys, a_left):
    """Sum +1 where a is on the left and -1 where b is, by key."""
    sums = Counter()
    for key, is_a_left in zip(keys, a_left, strict=True):
        sums[key] += 1 if is_a_left else -1
    return sums


@given(rounds=st.integers(1, 40), pairs=st.integers(1, 5), seed=st.integers(0, 1000))
@in_any_size
def test_a_rater_with_slots_to_choose_from_sees_each_pair_balanced(rounds, pairs, seed):
    rng = np.random.default_rng(seed)
    lead, last = Counter(), None
    for _ in range(rounds):
        candidates = [
            Candidate(pair=(0, int(pair)), prompt=0, a_left=bool(side))
            for pair in rng.integers(1, pairs + 1, 6)
            for side in (0, 1)
        ]
        seen = Seen(lead=lead, last_pair=last)
        chosen = candidates[choose_slot(candidates, seen)]
        lead[chosen.pair] += 1 if chosen.a_left else -1
        assert chosen.pair != last or len({slot.pair for slot in candidates}) == 1
        last = chosen.pair
    assert all(abs(n) <= 1 for n in lead.values())
    assert abs(sum(lead.values())) <= pairs


def test_of_equally_good_slots_the_first_is_taken():
    same = [Candidate(pair=(0, 1), prompt=p, a_left=True) for p in (3, 4)]
    assert choose_slot(same, Seen()) == 0
    assert choose_slot(same, Seen(last_prompt=3)) == 1


def test_the_pair_of_the_last_task_comes_again_only_where_there_is_no_other():
    again = Candidate(pair=(0, 1), prompt=1, a_left=True)
    other = Candidate(pair=(0, 2), prompt=1, a_left=True)
    seen = Seen(lead={(0, 1): -1, (0, 2): 1}, last_pair=(0, 1))
    assert choose_slot([again, other], seen) == 1
    assert choose_slot([again, again], seen) == 0


def test_a_category_that_lags_by_a_task_comes_before_sides():
    rare = Candidate(pair=(0, 1), prompt=1, a_left=True, category="rare")
    often = Candidate(pair=(0, 2), prompt=2, a_left=False, category="often")
    shares = {"rare": 0.2, "often": 0.8}
    lead = {(0, 1): 1}
    behind = Seen(lead=lead, categories={"often": 9})
    assert choose_slot([often, rare], behind, shares=shares) == 1
    level = Seen(lead=lead, categories={"often": 8, "rare": 2})
    assert choose_slot([rare, often], level, shares=shares) == 1
    assert choose_slot([rare, often], behind) == 1, "without shares only sides count"


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
    pool = prompts * (systems * (systems - 1) // 2)
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
        seen = list(zip(slots.task.tolist(), slots.k.tolist(), strict=True))
        assert sorted(seen) == [(t, k) for t in range(len(tasks.prompt)) for k in range(target)]
        pairs = zip(tasks.system_a[slots.task], tasks.system_b[slots.task], strict=True)
        for pair, more in a_left_minus_b_left(pairs, slots.a_left).items():
            lead[pair] += more
        assert np.abs(lead).max() <= 1


def test_a_round_asks_about_thirty_judgments_of_each_system():
    assert round_size(systems=10, target=3) == 50
    assert round_size(systems=4, target=100) == 4
