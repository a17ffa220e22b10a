"""A confidence sequence may be looked at as often as one likes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import A_WINS, B_WINS, WORTH
from ranking.stats.sandwich import sandwich
from ranking.stats.sequences import (
    BETTER,
    EQUIVALENT,
    UNDECIDED,
    WORSE,
    Sequence,
    effective_raters,
    growth_needed,
    verdicts,
)
from tests.ranking.cells import comparisons, simulated

MARGIN = 0.05
LOOKS = 50
RUNS = 2000


def many(count: int = 1) -> np.ndarray:
    return np.full(count, 1e9)


def normal_mixture(errors, spread, alpha):
    """Robbins (1970): the reach when the standard error is known."""
    w = (spread / errors) ** 2
    return np.sqrt((1 + 1 / w) * (np.log1p(w) + 2 * np.log(1 / alpha)))


def test_with_endless_raters_it_is_the_normal_mixture():
    errors = np.geomspace(0.003, 0.3, 9)
    found = Sequence(spread=0.1).reach(errors, many(9))
    assert found == pytest.approx(normal_mixture(errors, 0.1, 0.05), rel=1e-5)


def test_the_reach_is_where_the_mixture_of_t_ratios_is_one_over_alpha():
    """Lai (1976): sqrt(1 + w) ((1 + x / (1 + w)) / (1 + x)) ** (n / 2), x = t^2 / (n - 1)."""
    raters, errors = np.array([12.0, 30, 400]), np.array([0.02, 0.05, 0.1])
    w = (0.15 / errors) ** 2
    x = Sequence(spread=0.15).reach(errors, raters) ** 2 / (raters - 1)
    ratio = ((1 + x) / (1 + x / (1 + w))) ** (raters / 2) / np.sqrt(1 + w)
    assert ratio == pytest.approx([20, 20, 20])


def test_a_tuned_sequence_is_tightest_at_the_error_it_is_tuned_to():
    sequence = Sequence.tuned(MARGIN)
    errors = MARGIN * np.array([0.25, 0.5, 0.9, 1, 1.1, 2, 3])
    reach = sequence.reach(errors, many(7))
    assert reach[3] == pytest.approx(3.0351, abs=1e-4)
    assert reach.argmin() == 3
    assert reach[:6].max() < 1.12 * reach[3]  # and nearly so for a wide range around it


def test_more_comparisons_and_fewer_raters_make_it_wider():
    one = Sequence.tuned(MARGIN)
    all_at_once = Sequence.tuned(MARGIN, comparisons=4950)
    error = np.array([MARGIN])
    assert 5.1 < all_at_once.reach(error, many())[0] < 5.3
    reaches = [one.reach(error, np.array([n]))[0] for n in (10.0, 15.0, 40.0, 1e6)]
    assert reaches == sorted(reaches, reverse=True)


def test_nothing_is_known_from_few_raters_or_where_nothing_varies():
    sequence = Sequence.tuned(MARGIN)
    half = sequence.half_widths(np.array([0.01, 0.0, 0.01]), np.array([9.0, 100, 0]))
    assert half.tolist() == [np.inf] * 3
    assert verdicts(np.array([0.5, 0, -0.5]), half, margin=MARGIN).tolist() == [UNDECIDED] * 3


def test_each_verdict_is_what_the_interval_excludes():
    values = np.array([0.2, -0.2, 0.01, 0.03, 0.1, -0.04])
    half = np.array([0.1, 0.1, 0.03, 0.03, 0.1, 0.005])
    assert verdicts(values, half, margin=MARGIN).tolist() == [
        BETTER, WORSE, EQUIVALENT, UNDECIDED, UNDECIDED, EQUIVALENT,
    ]  # fmt: skip


@given(
    value=st.floats(-0.9, 0.9),
    error=st.floats(0.005, 0.3),
    raters=st.floats(2, 500),
)
def test_growing_by_what_is_needed_decides_and_by_less_does_not(value, error, raters):
    sequence = Sequence.tuned(MARGIN)
    values, errors, clusters = (np.array([v]) for v in (value, error, raters))
    factor = growth_needed(sequence, values, errors, clusters, margin=MARGIN)

    def verdict(by):
        half = sequence.half_widths(errors / np.sqrt(by), clusters * by)
        return verdicts(values, half, margin=MARGIN)[0]

    assert factor[0] >= 1
    assert verdict(factor * 1.0001) != UNDECIDED
    if factor[0] > 1:
        assert verdict(factor * 0.999) == UNDECIDED


def test_no_growth_helps_where_no_error_is_known():
    sequence = Sequence.tuned(MARGIN)
    zero = np.zeros(1)
    assert growth_needed(sequence, zero, zero, many(), margin=MARGIN)[0] == np.inf


def test_a_newcomer_has_the_raters_that_judged_it():
    rows = [(r, 0, 1, A_WINS) for r in range(20)] + [(r, 2, 0, B_WINS) for r in range(3)]
    found = effective_raters(comparisons(rows, systems=3))
    assert found[1] == pytest.approx(20)
    assert found[2] == pytest.approx(3)
    assert 17 < found[0] < 20  # three of its raters judged it twice


def shares(totals, judged):
    """The engine's estimate for two systems: difference of win rates, clustered error."""
    raters, n = len(judged), judged.sum()
    mean = totals.sum(axis=1) / n
    squares = ((totals - mean[:, None] * judged) ** 2).sum(axis=1)
    return 2 * mean, 2 * np.sqrt(raters / (raters - 1) * squares) / n


def looks(rng, *, raters, per_look, taste, ties, difference=0.0, runs=RUNS):
    """Yield (value, error, raters) of fifty looks at `runs` studies of two systems.

    `raters` a look join and give `per_look` judgments each at once; with `raters` below zero so
    many are there from the start and give `per_look` more each look.
    """
    count = raters * LOOKS if raters > 0 else -raters
    centre = np.log((1 + difference) / (1 - difference))
    p = expit(centre + rng.normal(0, taste, (runs, count)))
    totals = np.zeros((runs, count))
    for look in range(1, LOOKS + 1):
        if raters > 0 and look > 1:
            seen = raters * look
        else:
            decided = rng.binomial(per_look, 1 - ties, (runs, count))
            totals += rng.binomial(decided, p) - decided / 2
            seen = raters if raters > 0 else count
        if seen > 1:
            judged = np.full(seen, float(per_look * (1 if raters > 0 else look)))
            yield (*shares(totals[:, :seen], judged), seen)


def ever(studies, reach, *, truth=0.0):
    """In what share of the runs an interval left out the truth at any look."""
    missed = False
    for value, error, raters in studies:
        with np.errstate(invalid="ignore"):
            half = reach(error, np.full(len(error), float(raters)))
            missed = missed | (np.abs(value - truth) > half)
    return float(np.mean(missed))


PLANS = [
    pytest.param({"raters": 4, "per_look": 1, "taste": 0, "ties": 0.2}, id="independent"),
    pytest.param({"raters": 1, "per_look": 20, "taste": 0.7, "ties": 0.2}, id="one by one"),
    pytest.param({"raters": 3, "per_look": 5, "taste": 1.5, "ties": 0}, id="strong tastes"),
    pytest.param({"raters": -40, "per_look": 2, "taste": 0.7, "ties": 0}, id="a fixed panel"),
    pytest.param({"raters": -10, "per_look": 2, "taste": 0, "ties": 0.2}, id="ten raters"),
    pytest.param({"raters": -10, "per_look": 4, "taste": 0.7, "ties": 0}, id="ten, with tastes"),
]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("tuned_to", [0.02, 0.05, 0.2])
def test_fifty_looks_without_a_difference_err_in_at_most_five_percent(plan, tuned_to):
    """Two thousand runs: their standard error is 0.5 points at 5 %, and none is given away."""
    sequence = Sequence.tuned(tuned_to)
    assert ever(looks(np.random.default_rng(1), **plan), sequence.half_widths) <= 0.05


@pytest.mark.parametrize("plan", PLANS)
def test_fixed_intervals_would_not(plan):
    """1.96 standard errors, looked at fifty times."""
    assert ever(looks(np.random.default_rng(1), **plan), lambda e, _: 1.96 * e + 1e-9) > 0.1


def test_nor_would_the_normal_mixture_where_raters_are_few():
    """It takes the standard error as known: the reason for the mixture of t."""

    def reach(errors, raters):
        errors = np.maximum(errors, 1e-9)
        return normal_mixture(errors, Sequence.tuned(MARGIN).spread, 0.05) * errors

    assert ever(looks(np.random.default_rng(1), **PLANS[4].values[0]), reach) > 0.08
    assert ever(looks(np.random.default_rng(1), **PLANS[1].values[0]), reach) > 0.15


def test_a_difference_is_covered_at_every_look_too():
    plan = {"raters": 4, "per_look": 5, "taste": 0, "ties": 0, "difference": 0.3}
    studies = looks(np.random.default_rng(2), **plan)
    assert ever(studies, Sequence.tuned(MARGIN).half_widths, truth=0.3) <= 0.05


def test_it_decides_where_there_is_something_to_decide():
    """Differences of 0.2 by 1,000 judgments; none, within a margin of 0.1, by 8,000."""
    sequence = Sequence.tuned(0.1)

    def share(verdict, **plan):
        found = [
            verdicts(value, sequence.half_widths(error, np.full(RUNS, float(n))), margin=0.1)
            for value, error, n in looks(np.random.default_rng(3), taste=0, ties=0.2, **plan)
        ]
        return np.mean(np.array(found) == verdict, axis=1)[-1]

    assert share(BETTER, raters=4, per_look=5, difference=0.25) > 0.9
    assert share(EQUIVALENT, raters=8, per_look=20) > 0.95
    # At the margin's very end equivalence is an error.
    assert share(EQUIVALENT, raters=8, per_look=20, difference=0.125) <= 0.05


def independent_prompts(data):
    return replace(data, prompt=np.arange(len(data.a)), prompts=len(data.a))


def test_the_closed_form_of_the_tests_above_is_the_engine():
    rng = np.random.default_rng(4)
    data = simulated(rng, np.zeros(2), raters=12, judgments=240, taste=0.5)
    data = independent_prompts(data)
    fit = fit_bradley_terry(data.counts.half_wins)
    won = np.where(data.a == 0, 1.0, -1.0) * (WORTH[data.outcome] - 0.5)
    totals, judged = (np.bincount(data.rater, w, 12) for w in (won, None))
    value, error = shares(totals[None], judged.astype(float))
    assert fit.win_rates[0] - fit.win_rates[1] == pytest.approx(value[0])
    found = sandwich(fit, data).errors_between(fit.win_rate_gradient)
    assert found[0, 1] == pytest.approx(error[0])


@pytest.mark.slow
@pytest.mark.parametrize("raters", [12, 60])
def test_all_pairs_hold_at_once_in_the_engine(raters):
    """Four systems, six pairs, 15 looks at 250 studies whose raters have tastes."""
    rng = np.random.default_rng(5)
    first, second = np.triu_indices(4, 1)
    sequence = Sequence.tuned(MARGIN, comparisons=6)

    def misses(data):
        fit = fit_bradley_terry(data.counts.half_wins)
        errors = sandwich(fit, data).errors_between(fit.win_rate_gradient)[first, second]
        clusters = effective_raters(data)
        half = sequence.half_widths(errors, np.minimum(clusters[first], clusters[second]))
        return (np.abs(fit.win_rates[first] - fit.win_rates[second]) > half).any()

    wrong = 0
    for _ in range(250):
        whole = simulated(rng, np.zeros(4), raters=raters, judgments=1200, taste=0.5, ties=0.2)
        whole = independent_prompts(whole)
        wrong += any(misses(whole.only(np.arange(1200) < 80 * k)) for k in range(1, 16))
    assert wrong / 250 <= 0.05
