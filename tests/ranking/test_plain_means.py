"""A plain mean, its interval, and what it does where there is little to go by."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ranking.stats.plain import plain_mean


def of(values, raters, counts=None, level=0.95):
    counts = np.ones(len(values), dtype=int) if counts is None else np.array(counts)
    return plain_mean(np.array(values, dtype=float), np.array(raters), counts, level=level)


def test_with_one_judgment_a_rater_it_is_the_textbook_interval():
    values = [3, 5, 4, 1, 2, 2]
    found = of(values, range(6))
    low, high = stats.t.interval(0.95, 5, np.mean(values), stats.sem(values))
    assert (found.mean, found.judgments) == (pytest.approx(np.mean(values)), 6)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_counts_are_judgments():
    assert of([1, 5], [0, 1], [3, 2]) == of([1, 1, 1, 5, 5], [0, 0, 0, 1, 1])


def test_a_rater_who_judges_often_is_one_rater():
    alone = of([1, 2, 4, 5], [0, 1, 2, 3])
    often = of([1, 2, 4, 5], [0, 1, 2, 3], [25, 25, 25, 25])
    assert (often.low, often.high) == (pytest.approx(alone.low), pytest.approx(alone.high))


def test_without_judgments_or_raters_enough_there_is_no_interval():
    assert of([], []) is None
    assert of([4, 5], [7, 7]).low is None
    assert of([4, 4, 4], [0, 1, 2]).high is None


@pytest.mark.slow
def test_the_interval_covers_the_truth_where_raters_differ():
    rng = np.random.default_rng(4)
    hits, runs = 0, 2000
    for _ in range(runs):
        taste = rng.normal(0, 1, 12)
        values = (taste[:, None] + rng.normal(0, 1, (12, 10))).ravel()
        found = of(values, np.repeat(np.arange(12), 10))
        hits += found.low <= 0 <= found.high
    assert hits / runs == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / runs) ** 0.5)
