"""The order of pairs and of single systems: pure, so every claim is tried on many sizes."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from annotation.design import Blocks, layers

designs = st.builds(
    Blocks,
    is_pairwise=st.booleans(),
    systems=st.integers(1, 9),
    prompts=st.integers(0, 13),
    seed=st.integers(0, 2**63 - 1),
)
pairs_only = designs.filter(lambda design: design.is_pairwise and design.count)
in_any_size = settings(max_examples=80, deadline=None)


def rows(part):
    tasks = part.tasks
    return list(
        zip(tasks.prompt.tolist(), tasks.system_a.tolist(), tasks.system_b.tolist(), strict=True)
    )


def whole(design):
    return design.stretch(0, design.count)


def spread(numbers, size):
    counts = np.bincount(np.asarray(numbers, dtype=int), minlength=size)
    return int(counts.max() - counts.min()) if size else 0


def leads(part, slots):
    """By pair: by how much a stood on the left more often than b."""
    sums = Counter()
    where = rows(part)
    for task, a_left in zip(slots.task.tolist(), slots.a_left.tolist(), strict=True):
        sums[where[task][1:]] += 1 if a_left else -1
    return sums


@given(designs)
@in_any_size
def test_the_order_holds_every_task_once(design):
    pairs = [(a, b) for a in range(design.systems) for b in range(a + 1, design.systems)]
    units = pairs if design.is_pairwise else [(a, -1) for a in range(design.systems)]
    expected = sorted((p, *unit) for p in range(design.prompts) for unit in units)
    assert sorted(rows(whole(design))) == expected


@given(designs, st.data())
@in_any_size
def test_any_stretch_is_the_same_piece_of_the_order(design, data):
    start = data.draw(st.integers(0, design.count))
    stop = data.draw(st.integers(start, design.count))
    part, everything = design.stretch(start, stop), whole(design)
    assert rows(part) == rows(everything)[start:stop]
    assert part.a_left.tolist() == everything.a_left.tolist()[start:stop]


@given(pairs_only, st.data())
@in_any_size
def test_any_beginning_asks_pairs_and_systems_equally_often(design, data):
    """A budget is a beginning: a balanced incomplete block design."""
    begun = design.stretch(0, data.draw(st.integers(1, design.count)))
    number = {pair: i for i, pair in enumerate(sorted({row[1:] for row in rows(whole(design))}))}
    assert spread([number[row[1:]] for row in rows(begun)], len(number)) <= 1
    both = [*begun.tasks.system_a, *begun.tasks.system_b]
    assert spread(both, design.systems) <= 1 + design.systems % 2


@given(designs.filter(lambda design: design.count), st.data())
@in_any_size
def test_whole_blocks_ask_prompts_equally_often(design, data):
    blocks = data.draw(st.integers(1, design.prompts))
    begun = design.stretch(0, blocks * design.block)
    assert spread(begun.tasks.prompt, design.prompts) <= 1


@given(designs.filter(lambda design: design.count), st.data())
@in_any_size
def test_within_a_block_of_no_more_tasks_than_prompts_they_differ_by_two_at_most(design, data):
    assume(design.block <= design.prompts)
    begun = design.stretch(0, data.draw(st.integers(1, design.count)))
    assert spread(begun.tasks.prompt, design.prompts) <= 2


@given(pairs_only)
@in_any_size
def test_the_least_budget_joins_all_systems(design):
    met = np.zeros((design.systems, design.systems))
    for _, a, b in rows(design.stretch(0, design.fewest)):
        met[a, b] = 1
    assert connected_components(met, directed=False)[0] == 1


@given(pairs_only, st.integers(1, 7), st.lists(st.integers(1, 40), max_size=12))
@in_any_size
def test_sides_are_balanced_in_each_pair_task_and_layer_over_all_stretches(design, target, sizes):
    so_far, place = Counter(), 0
    for size in [*sizes, design.count]:
        part = design.stretch(place, min(place + size, design.count))
        slots = layers(part, target=target)
        assert sorted(zip(slots.task.tolist(), slots.k.tolist(), strict=True)) == [
            (task, k) for task in range(len(part.a_left)) for k in range(target)
        ]
        so_far.update(leads(part, slots))
        assert all(abs(lead) <= 1 for lead in so_far.values())
        a_left = np.where(slots.a_left, 1, -1)
        for task in range(len(part.a_left)):
            assert abs(a_left[slots.task == task].sum()) == target % 2
        place += len(part.a_left)
    assert place == design.count


@given(designs, st.data())
@in_any_size
def test_what_is_withdrawn_is_counted_without_listing_it(design, data):
    systems = data.draw(st.sets(st.integers(0, max(design.systems - 1, 0))))
    start = data.draw(st.integers(0, design.count))
    part = design.stretch(start, design.count)
    left = part.without(systems)
    assert rows(left) == [row for row in rows(part) if not systems & set(row[1:])]
    assert design.count_about(start, design.count, systems) == len(part) - len(left)


@given(designs.filter(lambda design: design.count), st.data())
@in_any_size
def test_the_place_of_a_task_is_found_without_listing_the_order(design, data):
    place = data.draw(st.integers(0, design.count - 1))
    ((prompt, a, b),) = rows(design.stretch(place, place + 1))
    assert design.place_of(prompt, a, b if design.is_pairwise else a) == place


def test_one_output_alone_has_no_sides():
    design = Blocks(is_pairwise=False, systems=3, prompts=2, seed=1)
    assert layers(whole(design), target=3).a_left.all()


def test_the_same_seed_makes_the_same_order_and_another_seed_another():
    one, same, other = (
        Blocks(is_pairwise=True, systems=4, prompts=10, seed=seed) for seed in (7, 7, 8)
    )
    assert rows(whole(one)) == rows(whole(same))
    assert whole(one).a_left.tolist() == whole(same).a_left.tolist()
    assert rows(whole(one)) != rows(whole(other))


def test_the_order_never_changes():
    """A study that runs now goes on in this order: a change here would break it."""
    design = Blocks(is_pairwise=True, systems=4, prompts=5, seed=2026)
    assert rows(design.stretch(0, 8)) == [
        (0, 0, 1), (0, 2, 3), (3, 0, 3), (4, 1, 2), (1, 0, 2), (2, 1, 3), (3, 1, 2), (2, 0, 3),
    ]  # fmt: skip
    sides = whole(design).a_left[:8].tolist()
    assert sides == [True, False, True, False, True, True, True, False]


def test_neither_first_places_nor_prompts_nor_sides_favour_anyone():
    """Over seeds: who comes first, with which prompt, which side (binomial, 4.5 deviations)."""
    first, prompt, a_left = Counter(), Counter(), 0
    seeds = 2000
    for seed in range(seeds):
        part = Blocks(is_pairwise=True, systems=5, prompts=4, seed=seed).stretch(0, 1)
        ((p, *pair),) = rows(part)
        first[tuple(pair)] += 1
        prompt[p] += 1
        a_left += int(part.a_left[0])
    for counts, size in ((first, 10), (prompt, 4)):
        deviation = (seeds / size * (1 - 1 / size)) ** 0.5
        assert len(counts) == size
        assert max(abs(n - seeds / size) for n in counts.values()) < 4.5 * deviation
    assert abs(a_left - seeds / 2) < 4.5 * (seeds / 4) ** 0.5


@pytest.mark.parametrize("start", [0, 12_000_000])
def test_a_stretch_of_twelve_million_tasks_costs_what_one_of_a_few_does(start):
    design = Blocks(is_pairwise=True, systems=50, prompts=10_000, seed=3)
    design.stretch(0, 1)
    started = time.process_time()
    for i in range(20):
        design.stretch(start + i, start + i + 133)
    assert (time.process_time() - started) / 20 < 0.02
