"""The orders of groups, and of pairs with null pairs among them: tried on many sizes."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.design import GroupsInOrder, PairsWithNulls, layers

in_any_size = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**63 - 1)

groups = st.builds(
    GroupsInOrder,
    systems=st.integers(3, 12),
    prompts=st.integers(1, 12),
    size=st.integers(3, 5),
    extra=st.integers(0, 1),
    seed=seeds,
)
with_nulls = st.builds(
    PairsWithNulls,
    systems=st.integers(2, 6),
    prompts=st.integers(1, 12),
    share=st.floats(0, 0.5),
    seed=seeds,
)


def whole(order):
    return order.stretch(0, order.count)


def rows(part):
    group = part.tasks.group if part.tasks.group is not None else np.zeros(len(part), dtype=int)
    return [
        (prompt, number, *members)
        for prompt, number, members in zip(
            part.tasks.prompt.tolist(), group.tolist(), part.tasks.members.tolist(), strict=True
        )
    ]


def spread(counts):
    return counts.max() - counts.min()


@given(st.one_of(groups, with_nulls), st.data())
@in_any_size
def test_any_stretch_is_the_same_piece_of_the_order(order, data):
    start = data.draw(st.integers(0, order.count))
    stop = data.draw(st.integers(start, order.count))
    part, everything = order.stretch(start, stop), whole(order)
    assert rows(part) == rows(everything)[start:stop]
    assert part.a_left.tolist() == everything.a_left.tolist()[start:stop]
    if part.order is not None:
        assert part.order.tolist() == everything.order.tolist()[start:stop]


@given(st.one_of(groups, with_nulls), st.data())
@in_any_size
def test_what_is_withdrawn_is_counted_as_it_is_left_out(order, data):
    systems = data.draw(st.sets(st.integers(0, order.systems - 1)))
    start = data.draw(st.integers(0, order.count))
    stop = data.draw(st.integers(start, order.count))
    part = order.stretch(start, stop)
    kept = part.without(systems)
    assert rows(kept) == [row for row in rows(part) if systems.isdisjoint(row[2:])]
    assert order.count_about(start, stop, systems) == len(part) - len(kept)


# Groups


@given(groups)
@in_any_size
def test_every_system_is_in_a_group_on_every_prompt_and_in_none_twice(order):
    tasks = whole(order).tasks
    assert tasks.members.shape == (order.count, min(order.size, order.systems))
    assert all(sorted(set(group)) == group for group in tasks.members.tolist())
    for prompt in range(order.prompts):
        mine = tasks.prompt == prompt
        assert set(tasks.members[mine].ravel()) == set(range(order.systems))
        assert sorted(tasks.group[mine]) == list(range(order.groups))


@given(groups, st.data())
@in_any_size
def test_over_any_number_of_whole_prompts_systems_are_shown_equally_often(order, data):
    prompts = data.draw(st.integers(1, order.prompts))
    members = order.stretch(0, prompts * order.groups).tasks.members
    assert spread(np.bincount(members.ravel(), minlength=order.systems)) <= 1


@pytest.mark.parametrize(("systems", "size"), [(9, 4), (11, 3), (40, 5)])
def test_the_balance_of_a_chunk_is_that_of_the_whole(systems, size):
    one = GroupsInOrder(systems=systems, prompts=1, size=size, seed=3)
    order = GroupsInOrder(systems=systems, prompts=2 * one.chunk + 7, size=size, seed=3)
    chunk = order.chunk * order.groups
    shown = [
        np.bincount(order.stretch(start, start + chunk).tasks.members.ravel(), minlength=systems)
        for start in (0, chunk)
    ]
    assert [spread(counts) for counts in shown] == [0, 0]
    assert spread(np.bincount(whole(order).tasks.members.ravel())) <= 1
    first, second = (rows(order.stretch(at, at + chunk)) for at in (0, chunk))
    assert [row[1:] for row in first] != [row[1:] for row in second], "its seats are drawn anew"


@pytest.mark.parametrize("seed", range(5))
def test_over_many_prompts_all_pairs_meet_about_equally_often(seed):
    met = np.zeros((9, 9))
    for group in whole(GroupsInOrder(systems=9, prompts=60, size=4, seed=seed)).tasks.members:
        met[np.ix_(group, group)] += 1
    often = met[np.triu_indices(9, 1)]
    assert often.mean() == 30
    assert spread(often) <= 9, "by lot alone it is about twenty"


@given(
    systems=st.integers(2, 6),
    prompts=st.integers(1, 12),
    target=st.integers(1, 7),
    extra=st.integers(0, 1),
    seed=seeds,
)
@in_any_size
def test_in_every_layer_each_output_stands_at_each_place_equally_often(
    systems, prompts, target, extra, seed
):
    order = GroupsInOrder(systems=systems, prompts=prompts, size=systems, extra=extra, seed=seed)
    slots = layers(whole(order), target=target)
    size = systems + extra
    assert all(sorted(shown) == list(range(size)) for shown in slots.order.tolist())
    for layer in slots.order.reshape(target, prompts, size):
        at = np.stack([(layer == place).sum(axis=0) for place in range(size)])
        assert spread(at) <= 1


def test_over_chunks_too_each_output_stands_at_each_place_equally_often():
    one = GroupsInOrder(systems=12, prompts=1, size=12, seed=8)
    order = GroupsInOrder(systems=12, prompts=2 * one.chunk + 5, size=12, seed=8)
    shown = whole(order).order
    at = np.stack([(shown == place).sum(axis=0) for place in range(12)])
    assert spread(at) <= 1
    assert len({tuple(row) for row in shown.tolist()}) > 100, "not the same few orders"


def test_groups_of_other_systems_have_orders_of_their_own():
    shown = whole(GroupsInOrder(systems=9, prompts=60, size=4, seed=6)).order
    assert len({tuple(row) for row in shown.tolist()}) == 24
    at = np.stack([(shown == place).sum(axis=0) for place in range(4)])
    assert abs(at - 45).max() <= 25, "180 groups: five standard deviations"


@given(target=st.integers(1, 9), seed=seeds)
@in_any_size
def test_over_the_layers_of_a_task_each_output_moves_through_all_places(target, seed):
    slots = layers(whole(GroupsInOrder(systems=4, prompts=3, size=4, seed=seed)), target=target)
    for task in range(3):
        orders = slots.order[slots.task == task]
        at = np.stack([(orders == place).sum(axis=0) for place in range(4)])
        assert spread(at) <= 1


def test_on_the_ring_the_groups_of_a_prompt_stand_apart():
    part = whole(GroupsInOrder(systems=8, prompts=5, size=4, seed=1))
    slots = layers(part, target=2)
    prompts = part.tasks.prompt[slots.task]
    assert part.tasks.group[slots.task].tolist() == [0] * 5 + [1] * 5 + [0] * 5 + [1] * 5
    assert (prompts[:5] == prompts[5:10]).all()


def test_the_order_of_groups_never_changes():
    """A study that runs now goes on in this order: a change here would break it."""
    part = GroupsInOrder(systems=5, prompts=4, size=3, extra=1, seed=2026).stretch(0, 4)
    assert rows(part) == [(3, 0, 0, 1, 3), (3, 1, 0, 2, 4), (0, 0, 2, 3, 4), (0, 1, 0, 1, 4)]
    assert part.order.tolist() == [[3, 0, 1, 2], [2, 1, 3, 0], [3, 1, 0, 2], [3, 1, 0, 2]]


@pytest.mark.parametrize("start", [0, 120_000])
def test_a_stretch_of_many_groups_costs_what_one_of_a_few_does(start):
    order = GroupsInOrder(systems=50, prompts=10_000, size=4, seed=3)
    order.stretch(0, 1)
    started = time.process_time()
    for i in range(20):
        order.stretch(start + i, start + i + 133)
    assert (time.process_time() - started) / 20 < 0.02


# An output compared with itself


@given(with_nulls, st.integers(1, 7))
@in_any_size
def test_null_pairs_are_a_share_of_the_pairs_and_fair_to_systems(order, target):
    part = whole(order)
    a, b = part.tasks.system_a, part.tasks.system_b
    is_null = a == b
    pairs = order.prompts * (order.systems * (order.systems - 1) // 2)
    nulls = min(np.ceil(order.share * pairs), order.systems * order.prompts)
    assert (is_null.sum(), (~is_null).sum()) == (nulls, pairs)
    assert spread(np.bincount(a[is_null], minlength=order.systems)) <= 1
    assert len(set(rows(part))) == len(part) == order.count
    lead = Counter()
    slots = layers(part, target=target)
    for task, a_left in zip(slots.task.tolist(), slots.a_left.tolist(), strict=True):
        lead[a[task], b[task]] += 1 if a_left else -1
    assert all(abs(n) <= 1 for n in lead.values())


@given(with_nulls, st.data())
@in_any_size
def test_null_pairs_lie_evenly_among_the_pairs(order, data):
    stop = data.draw(st.integers(0, order.count))
    tasks = order.stretch(0, stop).tasks
    nulls = int((tasks.system_a == tasks.system_b).sum())
    everything = whole(order).tasks
    share = (everything.system_a == everything.system_b).sum() / order.count
    assert abs(nulls - share * stop) < 1
