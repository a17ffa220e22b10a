"""Agreement against the textbook, enumeration and simulated raters."""

from __future__ import annotations

import csv
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.stats.agreement import (
    METRICS,
    agreement,
    agreement_between,
    interval,
    krippendorff_alpha,
    nominal,
    ordinal,
)
from ranking.stats.exceptions import ImpossibleData
from ranking.stats.resampling import KINDS, LEAST_TASKS, TaskBootstrap
from ranking.stats.shares import wilson

A, B, TIE, BAD = range(4)


def table(tasks, values):
    """Tasks as lists of the values given."""
    return np.array([[list(given).count(v) for v in range(values)] for given in tasks], dtype=float)


def found(counts, **kwargs):
    return agreement(counts, rng=np.random.default_rng(0), **kwargs)


def between(ones, others, **kwargs):
    return agreement_between(ones, others, rng=np.random.default_rng(0), **kwargs)


def test_the_codings_of_the_textbook_give_its_alphas(shared_data):
    """Krippendorff (2011): 4 raters, 12 units, gaps."""
    with (shared_data / "krippendorff" / "codings.csv").open() as file:
        raters = [[float(v) if v else None for v in row] for row in csv.reader(file)]
    units = list(zip(*raters, strict=True))
    counts = np.array([[unit.count(v) for v in range(1, 6)] for unit in units], dtype=float)
    for metric, published in ((nominal, 0.743), (ordinal, 0.815), (interval, 0.849)):
        assert krippendorff_alpha(counts, metric) == pytest.approx(published, abs=6e-4)
    assert found(counts).tasks == 11  # one unit has one coding
    assert found(counts).alphas["ordinal"].low < 0.815 < found(counts).alphas["ordinal"].high


def test_the_tags_of_another_published_table_give_its_alpha():
    """Four taggers, four words, one gap (evalica's gcl.csv): 0.0833333."""
    taggers = [["NN", "NN", "VBP", "VBP"], ["", "VBP", "VBP", "NN"],
               ["NN", "VBP", "VBP", "NN"], ["NN", "NN", "NN", "VBP"]]  # fmt: skip
    words = list(zip(*taggers, strict=True))
    counts = np.array([[word.count(tag) for tag in ("NN", "VBP")] for word in words], dtype=float)
    assert krippendorff_alpha(counts, nominal) == pytest.approx(0.0833333, abs=1e-7)


def by_hand(tasks, values, metric):
    """One minus the mean distance within tasks by that among all pairable judgments."""
    tasks = [given for given in tasks if len(given) > 1]
    pooled = [v for given in tasks for v in given]
    distance = metric(np.arange(values), np.bincount(pooled, minlength=values).astype(float))
    n = len(pooled)
    observed = sum(
        2 * distance[v, w] / (len(given) - 1) for given in tasks for v, w in combinations(given, 2)
    )
    expected = sum(2 * distance[v, w] for v, w in combinations(pooled, 2)) / (n - 1)
    return 1 - observed / expected


TASKS = st.lists(st.lists(st.integers(0, 4), min_size=0, max_size=5), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(TASKS, st.sampled_from(sorted(METRICS)))
def test_alpha_is_what_counting_all_pairs_gives(tasks, name):
    alpha = krippendorff_alpha(table(tasks, 5), METRICS[name])
    pairable = {v for given in tasks if len(given) > 1 for v in given}
    if len(pairable) < 2:
        assert alpha is None
    else:
        assert alpha == pytest.approx(by_hand(tasks, 5, METRICS[name]))


@settings(max_examples=100, deadline=None)
@given(TASKS)
def test_raw_agreement_is_the_chance_that_two_judgments_of_a_random_task_are_the_same(tasks):
    shares = [
        np.mean([v == w for v, w in combinations(given, 2)]) for given in tasks if len(given) > 1
    ]
    decisive = [[v for v in given if v < 2] for given in tasks]
    without = [
        np.mean([v == w for v, w in combinations(given, 2)]) for given in decisive if len(given) > 1
    ]
    result = found(table(tasks, 5), decisive=2)
    assert (result.share and result.share.value) == (pytest.approx(np.mean(shares)) if shares
                                                     else None)  # fmt: skip
    assert (result.decisive_share and result.decisive_share.value) == (
        pytest.approx(np.mean(without)) if without else None
    )


def test_scores_one_apart_are_near():
    result = found(table([[0, 1], [0, 2], [3, 4], [2, 2]], 5))
    assert (result.share.value, result.near_share.value) == (0.25, 0.75)


def test_a_judge_is_compared_with_people_on_the_tasks_of_both():
    judge = table([[A], [A], [TIE], [B], []], 4)
    people = table([[A, A, B], [B], [TIE, A], [], [A, A]], 4)
    result = between(judge, people, decisive=2)
    assert result.tasks == 3
    assert result.share.value == pytest.approx((2 / 3 + 0 + 1 / 2) / 3)
    assert result.decisive_share.value == pytest.approx((2 / 3 + 0) / 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=20))
def test_one_judgment_of_each_kind_gives_krippendorffs_alpha_of_two_raters(pairs):
    ones, others = table([[v] for v, _ in pairs], 4), table([[w] for _, w in pairs], 4)
    alpha = between(ones, others).alphas["nominal"]
    wanted = krippendorff_alpha(ones + others, nominal)
    assert (alpha and alpha.value) == (wanted if wanted is None else pytest.approx(wanted))


def test_random_raters_have_an_alpha_of_about_zero_and_equal_ones_of_one():
    rng = np.random.default_rng(1)
    noise = rng.multinomial(3, [0.25] * 4, 2000).astype(float)
    alpha = found(noise).alphas["nominal"]
    assert alpha.low < 0 < alpha.high
    same = 3 * np.eye(4)[rng.integers(0, 4, 2000)]
    assert found(same).alphas["nominal"].value == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [60, 400])
def test_intervals_by_task_cover_what_they_say(tasks):
    """For alpha and for the raw share; many tasks are of many kinds, so bundles are drawn."""
    rng = np.random.default_rng(2)
    raters = 3 if tasks < 100 else 9

    def drawn(n):
        chances = rng.dirichlet([0.6, 0.6, 0.4, 0.2], n)
        return rng.multinomial(raters, chances).astype(float)

    truth = found(drawn(100_000), decisive=2)
    held = np.zeros(3)
    for _ in range(400):
        result = agreement(drawn(tasks), rng=rng, decisive=2)
        estimates = (result.alphas["nominal"], result.share, result.decisive_share)
        wanted = (truth.alphas["nominal"], truth.share, truth.decisive_share)
        held += [e.low <= w.value <= e.high for e, w in zip(estimates, wanted, strict=True)]
    assert (held / 400 >= 0.92).all()
    assert (held / 400 <= 0.975).all()


def test_bundles_vary_as_kinds_do():
    """A table of many kinds, and the same tasks drawn one by one by numpy."""
    rng = np.random.default_rng(3)
    counts = rng.multinomial(12, [0.3, 0.3, 0.2, 0.1, 0.1], 3000).astype(float)
    sample = TaskBootstrap.of(counts, rng=rng, level=0.95)
    assert sample.bundles is not None
    assert len(sample.rows) > KINDS
    sums = sample.sums(np.column_stack([sample.rows, np.ones(len(sample.rows))])).drawn
    means = sums[:, :-1] / sums[:, -1:]
    plain = [counts[rng.integers(0, 3000, 3000)].mean(axis=0) for _ in range(1000)]
    assert means.mean(axis=0) == pytest.approx(counts.mean(axis=0), rel=0.01)
    assert means.std(axis=0) == pytest.approx(np.std(plain, axis=0), rel=0.12)


def test_the_order_of_tasks_changes_nothing():
    rng = np.random.default_rng(4)
    counts = rng.multinomial(3, [0.4, 0.3, 0.2, 0.1], 500).astype(float)
    assert found(counts) == found(counts[::-1])


def test_alpha_is_none_where_it_means_nothing():
    assert krippendorff_alpha(np.eye(3), nominal) is None
    assert krippendorff_alpha(np.array([[3.0, 0, 0]] * 4), nominal) is None
    nothing = found(np.zeros((0, 4)), decisive=2)
    assert (nothing.share, nothing.decisive_share, nothing.alphas) == (None, None, {})
    assert between(np.zeros((0, 4)), np.zeros((0, 4))).share is None


def test_few_tasks_have_no_interval():
    few = found(table([[A, A], [A, B]] * (LEAST_TASKS // 2 - 1), 4))
    assert (few.share.value, few.share.low, few.share.high) == (0.5, None, None)
    assert few.alphas["nominal"].low is None


def test_full_agreement_is_not_certain():
    """Every task the same: Wilson's interval with tasks as trials; alpha has none."""
    same = found(table([[A, A], [B, B]] * 10, 4))
    assert (same.share.value, same.share.low) == (1, pytest.approx(wilson(20, 20).low))
    assert (same.alphas["nominal"].value, same.alphas["nominal"].low) == (1, None)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.0])
def test_counts_that_cannot_be_are_refused(wrong):
    counts = np.array([[2.0, 1.0], [wrong, 1.0]])
    for fails in (found, lambda c: krippendorff_alpha(c, nominal), lambda c: between(c, c)):
        with pytest.raises(ImpossibleData):
            fails(counts)


def test_repeated_kinds_are_the_same_as_their_tasks():
    """Each kind a hundred times: the same alpha to the small-sample factor."""
    tasks = list(product(range(3), repeat=2))
    few, many = (krippendorff_alpha(table(tasks * n, 3), ordinal) for n in (100, 200))
    assert few == pytest.approx(many, abs=1e-3)
