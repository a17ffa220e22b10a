"""Places on a line from scores of pairs: closed forms, null pairs, and intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from ranking.stats.differences import departures
from ranking.stats.exceptions import ImpossibleData, NotConnected, NotEnoughData
from ranking.stats.intervals import contrast_intervals
from ranking.stats.linear import LinearFit, ScoredPairs, fit_scored_pairs, linear_covariance
from ranking.stats.mean_intervals import unanimous_reach
from ranking.stats.ratings import Ratings, Scale

CCR = Scale(low=-3, high=3)
#: Rows of (rater, prompt, a, b, second, score); second is +1 where a was shown second.
Row = tuple[int, int, int, int, int, float]


def pairs(rows: list[Row], systems: int, room: float = 3) -> ScoredPairs:
    rater, prompt, a, b, second, score = np.array(rows, dtype=float).reshape(-1, 6).T
    return ScoredPairs(
        systems=systems,
        rater=rater.astype(np.int64),
        prompt=prompt.astype(np.int64),
        a=a.astype(np.int64),
        b=b.astype(np.int64),
        second=second.astype(np.int64),
        score=score,
        count=np.ones(len(rows), dtype=np.int64),
        room=room,
    )


def simulated(
    rng: np.random.Generator, places: list[float], *, raters: int, prompts: int, position: float = 0
) -> ScoredPairs:
    """Every rater scores every pair on half of the prompts; raters have tastes of their own."""
    size = len(places)
    a, b = np.triu_indices(size, 1)
    shape = (raters, prompts, len(a))
    worth = np.array(places) + rng.normal(0, 0.4, (raters, 1, size))
    worth = worth + rng.normal(0, 0.4, (1, prompts, size))
    second = rng.choice([-1, 1], shape)
    latent = worth[..., a] - worth[..., b] + position * second + rng.normal(0, 0.8, shape)
    score = np.clip(latent, -3, 3)
    rater, prompt, pair = np.nonzero(rng.random(shape) < 0.5)
    chosen = rater, prompt, pair
    return ScoredPairs(
        systems=size,
        rater=rater,
        prompt=prompt,
        a=a[pair],
        b=b[pair],
        second=second[chosen],
        score=score[chosen],
        count=np.ones(len(rater), dtype=np.int64),
        room=3,
    )


def test_two_systems_stand_apart_by_the_mean_score_at_equal_order():
    # Second 2 and first 1 times: the mean of each order, then the mean of both.
    fit = fit_scored_pairs(pairs([(0, 0, 0, 1, 1, 2), (1, 1, 0, 1, 1, 3), (2, 2, 0, 1, -1, 1)], 2))
    assert fit.places[0] - fit.places[1] == pytest.approx((2.5 + 1) / 2)
    assert fit.position == pytest.approx((2.5 - 1) / 2)
    assert fit.against_others == pytest.approx([1.75, -1.75])


def test_it_is_least_squares():
    data = simulated(np.random.default_rng(5), [0.5, 0, -0.5, 0.2], raters=5, prompts=4)
    design = np.zeros((len(data.score), 5))
    rows = np.arange(len(design))
    design[rows, data.a], design[rows, data.b] = 1, -1
    design[:, 4] = data.second
    expected = np.linalg.lstsq(design, data.score, rcond=None)[0]
    fit = fit_scored_pairs(data)
    assert fit.places == pytest.approx(expected[:4] - expected[:4].mean())
    assert fit.position == pytest.approx(expected[4])


@given(seed=st.integers(0, 10_000), size=st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_where_all_meet_equally_often_it_is_the_mean_score_against_the_others(seed, size):
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(size, 1)
    rows = [
        (r, p, int(i), int(j), side, int(rng.integers(-3, 4)))
        for r in range(3)
        for p, side in ((0, 1), (1, -1))
        for i, j in zip(a, b, strict=True)
    ]
    data = pairs(rows, size)
    means = [
        np.concatenate([data.score[data.a == i], -data.score[data.b == i]]).mean()
        for i in range(size)
    ]
    assert fit_scored_pairs(data).against_others == pytest.approx(means, abs=1e-9)


def test_turning_pairs_round_changes_nothing():
    data = simulated(np.random.default_rng(7), [0.5, 0, -0.5], raters=6, prompts=5)
    turned = ScoredPairs(
        systems=3, rater=data.rater, prompt=data.prompt, a=data.b, b=data.a, second=-data.second,
        score=-data.score, count=data.count, room=3,
    )  # fmt: skip
    one, other = fit_scored_pairs(data), fit_scored_pairs(turned)
    assert one.places == pytest.approx(other.places)
    assert one.position == pytest.approx(other.position)
    assert linear_covariance(one, data).matrix == pytest.approx(
        linear_covariance(other, turned).matrix
    )


def test_null_pairs_tell_the_position_where_order_goes_with_the_system():
    one_order = [(0, 0, 0, 1, 1, 2.0), (1, 1, 0, 1, 1, 2.0)]
    assert fit_scored_pairs(pairs(one_order, 2)).position is None
    null = [(2, 2, 1, 1, 1, 0.5), (3, 3, 0, 0, -1, -0.5)]
    fit = fit_scored_pairs(pairs([*one_order, *null], 2))
    assert fit.position == pytest.approx(0.5)
    assert fit.places[0] - fit.places[1] == pytest.approx(1.5)


def test_without_sides_there_is_no_position():
    fit = fit_scored_pairs(pairs([(0, 0, 0, 1, 0, 2), (1, 1, 0, 1, 0, 1)], 2))
    assert fit.position is None
    assert fit.against_others == pytest.approx([1.5, -1.5])


def ends(fit: LinearFit, data: ScoredPairs, seed: int = 0) -> np.ndarray:
    cov = linear_covariance(fit, data)
    found = contrast_intervals(
        fit.against_others, fit.against_others_gradient, cov, level=0.95,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return np.array([found.low, found.high])


def test_one_judgment_a_rater_gives_the_textbook_interval():
    rng = np.random.default_rng(3)
    score = rng.integers(-3, 4, 20)
    data = pairs([(i, i, 0, 1, 0, int(s)) for i, s in enumerate(score)], 2)
    low, high = ends(fit_scored_pairs(data), data)
    expected = ttest_1samp(score, 0).confidence_interval(0.95)
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))


def test_raters_who_all_say_the_same_leave_room_for_those_who_did_not_judge():
    data = pairs([(i, i, 0, 1, 0, 3) for i in range(20)], 2)
    low, high = ends(fit_scored_pairs(data), data)
    missed = unanimous_reach(np.array([3 + 3.0]), np.array([20]), 0.95)[0]
    assert high[0] - low[0] == pytest.approx(2 * missed)


def test_a_system_that_one_pair_holds_in_unison_is_not_taken_for_certain():
    rng = np.random.default_rng(0)
    rows: list[Row] = [(i, i, 0, 1, 0, int(rng.integers(-3, 4))) for i in range(20)]
    rows += [(i, 20 + i, 1, 2, 0, 1) for i in range(20)]
    data = pairs(rows, 3)
    errors = linear_covariance(fit_scored_pairs(data), data).difference_errors(3)
    assert errors[1, 2] > 0.1


def test_what_no_comparison_joins_is_not_put_on_one_line():
    data = pairs([(0, 0, 0, 1, 1, 1), (1, 1, 2, 3, 1, 1), (1, 2, 0, 0, 1, 0)], 4)
    with pytest.raises(NotConnected):
        fit_scored_pairs(data)
    part = data.restricted_to(np.array([2, 3]))
    assert (part.systems, len(part.score)) == (2, 2)  # the null pair says as much of the order
    assert fit_scored_pairs(part).systems == 2


def test_bad_input_is_refused():
    with pytest.raises(ImpossibleData):
        pairs([(0, 0, 0, 1, 1, 4)], 2)
    with pytest.raises(ImpossibleData):
        pairs([(0, 0, 0, 1, 1, float("nan"))], 2)
    with pytest.raises(NotEnoughData):
        fit_scored_pairs(pairs([(0, 0, 0, 0, 1, 1)], 1))
    one_rater = pairs([(0, 0, 0, 1, 1, 1), (0, 1, 0, 1, -1, 2)], 2)
    with pytest.raises(NotEnoughData):
        linear_covariance(fit_scored_pairs(one_rater), one_rater)


def scored(score: np.ndarray) -> Ratings:
    number = np.arange(len(score))
    return Ratings(
        systems=1, raters=len(score), prompts=len(score), rater=number, prompt=number,
        system=np.zeros(len(score), dtype=np.int64), score=score,
        count=np.ones(len(score), dtype=np.int64), scale=CCR,
    )  # fmt: skip


def test_a_departure_from_nought_is_students_test():
    score = np.random.default_rng(8).integers(-3, 4, 25)
    (found,) = departures(scored(score), rng=np.random.default_rng(0))
    expected = ttest_1samp(score, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert (found.p_holm, found.judgments) == (found.p, 25)


def test_one_rater_departs_from_nothing():
    (found,) = departures(scored(np.array([3])), rng=np.random.default_rng(0))
    assert (found.low, found.high, found.p, found.p_holm) == (None, None, None, None)


@pytest.mark.slow
def test_intervals_of_places_and_position_hold():
    rng = np.random.default_rng(20)
    truth, position, runs = np.array([0.6, 0.1, -0.2, -0.5]), 0.15, 250
    against = truth * 4 / 3
    held, held_position = np.zeros(4), 0
    for _ in range(runs):
        data = simulated(rng, truth.tolist(), raters=20, prompts=20, position=position)
        fit = fit_scored_pairs(data)
        low, high = ends(fit, data)
        held += (low <= against) & (against <= high)
        cov = linear_covariance(fit, data)
        contrast = np.eye(len(fit.bread))[-1:]
        found = contrast_intervals(np.array([fit.position]), contrast, cov, level=0.95, rng=rng)
        held_position += int(found.low[0] <= position <= found.high[0])
    assert ((held / runs > 0.925) & (held / runs < 0.985)).all()
    assert 0.925 < held_position / runs < 0.985
