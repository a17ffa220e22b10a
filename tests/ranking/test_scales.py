"""Means on any scale: those of the same judgments in other units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranking.stats.differences import paired_differences
from ranking.stats.exceptions import ImpossibleData
from ranking.stats.mos import mean_opinion_scores
from ranking.stats.ratings import Ratings, Scale
from tests.ranking.scores import simulated

SHARES = Scale(low=0, high=100, is_whole=False)


def both(seed: int, raters: int) -> tuple[Ratings, Ratings]:
    points = simulated(
        np.random.default_rng(seed), np.array([2.6, 3.0, 3.4]), raters=raters, prompts=6, taste=0.3
    )
    shares = 25.0 * (points.score.astype(np.float64) - 1)
    return points, replace(points, score=shares, scale=SHARES)


@pytest.mark.parametrize("raters", [4, 20])
def test_percent_of_the_scale_is_the_same_in_other_units(raters):
    points, shares = (
        mean_opinion_scores(data, rng=np.random.default_rng(0)) for data in both(1, raters)
    )
    for name in ("mean", "low", "high"):
        expected = 25 * (np.array(getattr(points, name), dtype=float) - 1)
        assert np.array(getattr(shares, name), dtype=float) == pytest.approx(expected)
    assert shares.sd == pytest.approx([25 * sd for sd in points.sd])
    assert (shares.ranks.low == points.ranks.low).all()
    assert (shares.ranks.apart == points.ranks.apart).all()


def test_differences_have_the_same_p_values_in_other_units():
    order = np.array([2, 1, 0])
    points, shares = (
        paired_differences(data, order, rng=np.random.default_rng(0)) for data in both(2, 20)
    )
    for one, other in zip(points, shares, strict=True):
        assert other.value == pytest.approx(25 * one.value)
        assert other.p_holm == pytest.approx(one.p_holm)


def test_whole_scores_are_counted_from_the_lowest():
    points, _ = both(3, 5)
    from_nought = replace(points, score=points.score - 3, scale=Scale(low=-2, high=2))
    assert (from_nought.distribution() == points.distribution()).all()
    assert from_nought.judgments.tolist() == points.distribution().sum(axis=1).tolist()


@pytest.mark.parametrize("score", [-0.1, 100.5, np.nan])
def test_a_share_beyond_its_scale_is_refused(score):
    _, shares = both(4, 3)
    with pytest.raises(ImpossibleData):
        replace(shares, score=np.full(len(shares.score), score))


def test_intervals_end_where_the_scale_does():
    _, shares = both(5, 3)
    top = replace(shares, score=np.maximum(shares.score, 95.0))
    found = mean_opinion_scores(top, rng=np.random.default_rng(0))
    assert max(high for high in found.high if high is not None) <= 100
