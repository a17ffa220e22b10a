"""Intervals cover what they say, and ranks say no more than the intervals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ranking.stats.bootstrap import bootstrap_strengths, rater_bootstrap
from ranking.stats.bradley_terry import fit_bradley_terry, win_rates
from ranking.stats.counts import A_WINS, B_WINS, TIE, aggregate
from ranking.stats.davidson import fit_davidson
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.intervals import contrast_intervals, wild_largest, win_rate_intervals
from ranking.stats.ranks import rank, unknown_ranks
from ranking.stats.sandwich import sandwich
from ranking.stats.shares import clustered_share, wilson
from tests.ranking.cells import comparisons, population_strengths, simulated

LEVEL = 0.95
#: The issue's band for a nominal 95 %.
BAND = (0.935, 0.965)


def coverage(strengths, *, studies, seed, ties=0.0, taste=0.0, prompt_effect=0.0, **kwargs):
    """How often the intervals of the win rates hold the truth: all systems, and the last."""
    rng = np.random.default_rng(seed)
    spread = float(np.hypot(taste, prompt_effect))
    truth = win_rates(population_strengths(strengths, ties=ties, spread=spread))
    held = []
    for _ in range(studies):
        data = simulated(
            rng, strengths, ties=ties, taste=taste, prompt_effect=prompt_effect, **kwargs
        )
        fit = fit_bradley_terry(data.counts.half_wins)
        found = win_rate_intervals(fit, sandwich(fit, data), level=LEVEL, rng=rng)
        held.append((found.low <= truth) & (truth <= found.high))
    return np.mean(held), np.mean(held, axis=0)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("taste", [0.0, 0.7])
@pytest.mark.parametrize("ties", [0.0, 0.4])
@pytest.mark.parametrize(("systems", "studies"), [(3, 1500), (10, 400)])
def test_the_interval_covers(systems, studies, ties, taste):
    strengths = np.linspace(-1, 1, systems)
    found, _ = coverage(strengths, studies=studies, seed=7, ties=ties, taste=taste)
    assert BAND[0] <= found <= BAND[1]


@pytest.mark.slow
@pytest.mark.parametrize("taste", [0.0, 0.7])
def test_a_newcomer_with_thirty_judgments_is_covered(taste):
    strengths = np.linspace(-1, 1, 10)
    _, newcomer = coverage(strengths, studies=1200, seed=3, ties=0.2, taste=taste, newcomer=30)
    assert BAND[0] <= newcomer <= BAND[1]


@pytest.mark.slow
def test_eight_raters_are_covered_by_the_wild_bootstrap():
    found, _ = coverage(
        np.linspace(-1, 1, 3), studies=1000, seed=5, ties=0.2, taste=0.7, raters=8, judgments=400
    )
    assert BAND[0] <= found <= BAND[1]


@pytest.mark.slow
def test_prompts_that_differ_are_covered_by_the_two_way_interval():
    found, _ = coverage(
        np.linspace(-1, 1, 3), studies=1000, seed=6, taste=0.7, prompt_effect=0.7, prompts=20
    )
    assert BAND[0] <= found <= BAND[1]


@pytest.mark.slow
def test_prompts_that_differ_are_covered_where_each_rater_judges_once():
    found, _ = coverage(
        np.linspace(-1, 1, 3), studies=1000, seed=8, prompt_effect=0.7, prompts=20,
        raters=100_000, judgments=1000,
    )  # fmt: skip
    assert BAND[0] <= found <= BAND[1]


@pytest.mark.slow
def test_judgments_that_are_taken_as_independent_would_cover_far_less():
    """Forty raters with tastes: what the anchors' intervals do."""
    rng = np.random.default_rng(5)
    strengths = np.linspace(-1, 1, 10)
    truth = win_rates(population_strengths(strengths, spread=0.7))
    held = []
    for _ in range(200):
        data = simulated(rng, strengths, taste=0.7)
        alone = replace(data, rater=np.arange(2000), raters=2000, prompt=np.arange(2000),
                        prompts=2000)  # fmt: skip
        fit = fit_bradley_terry(data.counts.half_wins)
        found = win_rate_intervals(fit, sandwich(fit, alone), level=LEVEL, rng=rng)
        held.append((found.low <= truth) & (truth <= found.high))
    assert np.mean(held) < 0.88


def test_the_variance_is_that_of_the_textbook_for_one_pair():
    """Two systems, four raters: cluster-robust variance of a logit (Liang and Zeger, 1986)."""
    rows = [(r, 0, 1, A_WINS) for r, n in enumerate((3, 1, 2, 4)) for _ in range(n)]
    rows += [(r, 0, 1, B_WINS) for r, n in enumerate((1, 3, 2, 1)) for _ in range(n)]
    data = comparisons(rows, systems=2)
    fit = fit_bradley_terry(data.counts.half_wins)
    p = 10 / 17
    residuals = np.array([3 - 4 * p, 1 - 4 * p, 2 - 4 * p, 4 - 5 * p])
    by_hand = 4 / 3 * (residuals**2).sum() / (17 * p * (1 - p)) ** 2
    cov = sandwich(fit, data)
    assert cov.difference_errors(2)[0, 1] ** 2 == pytest.approx(by_hand)
    assert not cov.is_two_way
    assert cov.degrees == 3


def test_a_newcomer_is_not_helped_by_judgments_of_others():
    """No ridge: ten thousand or a million judgments among the rest leave its interval alone."""
    rng = np.random.default_rng(1)
    errors = []
    for scale in (1, 100):
        data = simulated(rng, np.linspace(-1, 1, 8), judgments=10_000, raters=10_000,
                         prompts=10_000, newcomer=100)  # fmt: skip
        old = (data.a != 7) & (data.b != 7)
        many = replace(data, count=np.where(old, scale, 1))
        fit = fit_bradley_terry(many.counts.half_wins)
        cov = sandwich(fit, many)
        contrast = np.append(np.full(7, -1 / 7), 1.0)
        p = fit.expected[7, :7]
        met = many.counts.meetings[7, :7]
        exact = 1 / np.sqrt((met * p * (1 - p)).sum())
        errors.append(float(np.sqrt(cov.variance(contrast[None]))[0]) / exact)
    assert errors == pytest.approx([1, 1], abs=0.15)


def test_both_models_and_the_bootstrap_by_rater_agree_on_the_spread():
    rng = np.random.default_rng(2)
    data = simulated(rng, np.array([0.4, 0.0, -0.4]), ties=0.3, taste=0.5, raters=60, prompts=2000)
    fit, other = fit_bradley_terry(data.counts.half_wins), fit_davidson(data.counts)
    errors = [
        win_rate_intervals(f, sandwich(f, data), level=LEVEL, rng=rng).error for f in (fit, other)
    ]
    assert errors[1] == pytest.approx(errors[0], rel=0.05)
    draws = rater_bootstrap(fit, data, rng=rng)
    assert draws.std(axis=0) == pytest.approx(errors[0], rel=0.2)


def test_the_bootstrap_of_judgments_has_the_spread_of_the_inverse_information():
    """Without ties the two are the same to first order; cells are full, so draws are cubed
    normals."""
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 5, 60_000), rng.integers(0, 5, 60_000)
    a, b = a[a != b], b[a != b]
    outcome = np.where(rng.random(len(a)) < expit(0.3 * (b - a)), A_WINS, B_WINS)
    counts = aggregate(a, b, outcome, 5)
    fit = fit_bradley_terry(counts.half_wins)
    draws = bootstrap_strengths(fit, counts, rng=rng, resamples=2000)
    assert draws.mean(axis=0) == pytest.approx(fit.strengths, abs=2e-3)
    assert draws.std(axis=0) == pytest.approx(np.sqrt(np.diag(fit.bread)), rel=0.06)
    assert draws.sum(axis=1) == pytest.approx(np.zeros(2000), abs=1e-9)


def test_thin_counts_are_bootstrapped_too():
    rng = np.random.default_rng(4)
    data = simulated(rng, np.zeros(6), judgments=60, ties=0.2)
    fit = fit_bradley_terry(data.counts.half_wins)
    draws = bootstrap_strengths(fit, data.counts, rng=rng, resamples=300)
    assert np.isfinite(draws).all()
    again = bootstrap_strengths(fit, data.counts, rng=np.random.default_rng(4), resamples=70)
    same = bootstrap_strengths(fit, data.counts, rng=np.random.default_rng(4), resamples=70)
    assert (again == same).all()


def test_one_rater_gives_no_interval():
    data = comparisons([(0, 0, 1, A_WINS), (0, 0, 1, B_WINS)], systems=2)
    with pytest.raises(NotEnoughData):
        sandwich(fit_bradley_terry(data.counts.half_wins), data)


def test_a_system_that_never_lost_keeps_a_wide_interval():
    """Its raters all say the same; the errors must not shrink to nothing."""
    rows = [(r, 0, 1, A_WINS) for r in range(6)]
    rows += [(r, 1, 2, outcome) for r in range(6) for outcome in (A_WINS, B_WINS)]
    data = comparisons(rows, systems=3)
    fit = fit_bradley_terry(data.counts.half_wins)
    assert fit.is_separated
    assert sandwich(fit, data).difference_errors(3)[0, 1] > 0.7


def test_swapping_the_order_of_a_pair_changes_nothing():
    rng = np.random.default_rng(8)
    data = simulated(rng, np.array([0.5, 0, -0.5]), ties=0.2, judgments=300)
    turned = np.array([B_WINS, A_WINS, TIE, 3])
    flipped = replace(data, a=data.b, b=data.a, outcome=turned[data.outcome])
    one, two = (fit_bradley_terry(d.counts.half_wins) for d in (data, flipped))
    assert one.strengths == pytest.approx(two.strengths, abs=1e-12)
    assert sandwich(one, data).by_rater == pytest.approx(sandwich(two, flipped).by_rater)


def known_ranks(values, spread, *, degrees=1000):
    covariance = spread**2 * np.eye(len(values))
    errors = np.full((len(values),) * 2, spread * 2**0.5)
    return rank(values, covariance, errors, degrees=degrees, rng=np.random.default_rng(1))


def test_ranks_are_ranges_from_simultaneous_intervals():
    found = known_ranks(np.array([2.0, 0.05, 0.0, -2.0]), 0.1)
    assert found.rank.tolist() == [1, 2, 3, 4]
    assert list(zip(found.low, found.high, strict=True)) == [(1, 1), (2, 3), (2, 3), (4, 4)]
    assert found.best == pytest.approx([1, 0, 0, 0])
    assert found.apart[1].tolist() == [True, False, False, True]
    unknown = unknown_ranks(np.array([2.0, 1.0]))
    assert (unknown.low.tolist(), unknown.high.tolist()) == ([1, 1], [2, 2])


def test_the_probability_of_being_best_is_shared_by_equals():
    found = known_ranks(np.array([0.0, 0.0, -9.0]), 1.0)
    assert found.best == pytest.approx([0.5, 0.5, 0], abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("raters", [40, 10])
def test_all_differences_are_covered_at_once(raters):
    """So a rank interval holds the true rank at least as often; fewer raters by the wild bound."""
    rng = np.random.default_rng(9)
    strengths = np.linspace(-0.5, 0.5, 6)
    truth = population_strengths(strengths, spread=0.5)
    differences = truth[:, None] - truth[None, :]
    held = 0
    for _ in range(300):
        data = simulated(rng, strengths, taste=0.5, raters=raters, judgments=1000)
        fit = fit_bradley_terry(data.counts.half_wins)
        cov = sandwich(fit, data)
        found = rank(
            fit.strengths,
            cov.matrix,
            cov.difference_errors(6),
            degrees=cov.degrees,
            rng=rng,
            at_least=wild_largest(cov, 6, level=LEVEL, rng=rng) if raters < 15 else 0,
        )
        seen = fit.strengths[:, None] - fit.strengths[None, :]
        wrong = found.apart & (np.sign(differences) != np.sign(seen))
        held += not wrong.any()
    assert held / 300 >= 0.95 - 3 * (0.95 * 0.05 / 300) ** 0.5


def test_a_contrast_has_a_t_interval():
    rng = np.random.default_rng(0)
    data = simulated(rng, np.array([0.3, -0.3]), raters=30, prompts=2000)
    fit = fit_bradley_terry(data.counts.half_wins)
    cov = sandwich(fit, data)
    contrast = np.array([[1.0, -1.0]])
    found = contrast_intervals(contrast @ fit.strengths, contrast, cov, level=0.95, rng=rng)
    assert found.high - found.low == pytest.approx(2 * 2.045 * found.error, rel=1e-3)


def test_wilson_is_the_published_interval():
    """Newcombe (1998), table I: 81 of 263."""
    share = wilson(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None


def test_a_clustered_share_takes_raters_as_the_unit():
    one = clustered_share(np.array([3.0, 1, 4, 2]), np.array([5.0, 5, 5, 5]))
    twice = clustered_share(np.array([6.0, 2, 8, 4]), np.array([10.0, 10, 10, 10]))
    assert (twice.low, twice.high) == pytest.approx((one.low, one.high))
    assert one.low < 0.5 == one.value < one.high
    alone = clustered_share(np.array([3.0]), np.array([5.0]))
    assert (alone.low, alone.high) == (0, 1)
    all_of_them = clustered_share(np.array([5.0, 5]), np.array([5.0, 5]))
    assert all_of_them.low == pytest.approx(wilson(2, 2).low)
    assert clustered_share(np.zeros(2), np.zeros(2)) is None


def test_whoever_shares_the_first_place_shares_the_chance_of_it():
    nothing = np.zeros((3, 3))
    tied = rank(np.zeros(3), nothing, nothing, degrees=4, rng=np.random.default_rng(1))
    assert tied.best == pytest.approx([1 / 3] * 3)
    ahead = rank(
        np.array([0.0, 1.0, 1.0]), nothing, nothing, degrees=4, rng=np.random.default_rng(1)
    )
    assert ahead.best == pytest.approx([0, 1 / 2, 1 / 2])
