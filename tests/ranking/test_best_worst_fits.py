"""Best-worst choices as partial rankings: against choix, brute force, and simulated raters."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from ranking.stats.best_worst import best_worst_covariance, choice_scores, fit_best_worst
from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.choices import Choices
from ranking.stats.count_scores import count_scores
from ranking.stats.exceptions import ImpossibleData, NotConnected, NotEnoughData
from ranking.stats.group_numbers import group_number, systems_of_groups
from ranking.stats.intervals import win_rate_intervals
from ranking.stats.separation import one_sided_win_rates

TRUTH = np.array([0.8, 0.4, 0.0, -0.4, -0.8])


def choices(ranked: list[list[int]], systems: int, raters: int = 1) -> Choices:
    """Rows of the best, those between, and the worst; raters take turns."""
    number = np.arange(len(ranked))
    table = np.full((len(ranked), 5), -1)
    for row, of in zip(table, ranked, strict=True):
        row[: len(of)] = of
    return Choices(
        systems=systems,
        rater=number % raters,
        prompt=number,
        ranked=table,
        kind=number,
        count=np.ones(len(ranked), dtype=np.int64),
    )


def simulated(
    rng: np.random.Generator,
    strengths: np.ndarray,
    *,
    size: int,
    number: int,
    raters: int = 25,
    prompts: int = 30,
    taste: float = 0.0,
) -> Choices:
    """Random groups, ranked by Gumbel utilities, of which the best and the worst are told."""
    systems = len(strengths)
    rater, prompt = rng.integers(0, raters, number), rng.integers(0, prompts, number)
    shown = rng.permuted(np.tile(np.arange(systems), (number, 1)), axis=1)[:, :size]
    worth = strengths + rng.normal(0, taste, (raters, systems)) if taste else strengths[None, :]
    own = worth[rater if taste else np.zeros(number, dtype=int)]
    felt = np.take_along_axis(own, shown, axis=1) + rng.gumbel(size=shown.shape)
    ranked = np.take_along_axis(shown, np.argsort(-felt, axis=1), axis=1)
    return Choices(
        systems=systems,
        rater=rater,
        prompt=prompt,
        ranked=ranked,
        kind=np.arange(number),
        count=np.ones(number, dtype=np.int64),
    )


def chance(strengths: np.ndarray, ranked: list[int]) -> float:
    """The chance of a whole ranking under Plackett-Luce."""
    left = np.exp(strengths[ranked])
    return float(np.prod([left[i] / left[i:].sum() for i in range(len(left))]))


def log_likelihood(strengths: np.ndarray, data: Choices) -> float:
    total = 0.0
    for row in data.ranked:
        first, *middle, last = row[row >= 0].tolist()
        total += np.log(
            sum(chance(strengths, [first, *order, last]) for order in permutations(middle))
        )
    return total


def test_three_are_a_whole_ranking_as_choix_fits_it():
    data = simulated(np.random.default_rng(1), TRUTH, size=3, number=300)
    expected = choix.opt_rankings(5, data.ranked.tolist(), tol=1e-10)
    fit = fit_best_worst(data)
    assert fit.strengths == pytest.approx(expected - expected.mean(), abs=1e-5)
    assert fit.gradient_norm < 1e-8


@pytest.mark.parametrize("size", [4, 5])
def test_no_direction_makes_the_choices_more_likely(size):
    data = simulated(np.random.default_rng(size), TRUTH, size=size, number=60)
    fit = fit_best_worst(data)
    best = log_likelihood(fit.strengths, data)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert log_likelihood(fit.strengths + rng.normal(0, 0.05, 5), data) < best


@given(
    strengths=st.lists(st.floats(-3, 3), min_size=5, max_size=5),
    size=st.integers(3, 5),
    cell=st.integers(0, 5),
)
@settings(max_examples=30, deadline=None)
def test_scores_are_the_gradient(strengths, size, cell):
    at = np.array(strengths)
    order = np.random.default_rng(cell).permutation(5)[:size].tolist()
    data = choices([order], 5)
    step = 1e-5
    expected = [
        (log_likelihood(at + step * e, data) - log_likelihood(at - step * e, data)) / (2 * step)
        for e in np.eye(5)
    ]
    found = choice_scores(at, data).toarray()[0]
    assert found == pytest.approx(expected, abs=1e-6)
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_scores_add_up_to_nothing_at_the_fit():
    data = simulated(np.random.default_rng(2), TRUTH, size=4, number=200)
    fit = fit_best_worst(data)
    assert choice_scores(fit.strengths, data).sum(axis=0) == pytest.approx(np.zeros(5), abs=1e-7)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_the_truth_is_found_and_implied_pairs_overstate_it(size):
    data = simulated(np.random.default_rng(3), TRUTH, size=size, number=30_000)
    assert fit_best_worst(data).strengths == pytest.approx(TRUTH, abs=0.04)
    implied = fit_bradley_terry(data.implied.wins).strengths
    if size == 3:
        assert implied == pytest.approx(TRUTH, abs=0.04)  # every pair is implied
    else:
        assert np.ptp(implied) > 1.05 * np.ptp(TRUTH)


def test_the_order_of_those_between_does_not_matter():
    one = choices([[0, 1, 2, 3], [3, 1, 2, 0], [1, 0, 3, 2], [2, 3, 0, 1]], 4, raters=2)
    other = choices([[0, 2, 1, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]], 4, raters=2)
    first, second = fit_best_worst(one), fit_best_worst(other)
    assert first.strengths == pytest.approx(second.strengths)
    assert best_worst_covariance(first, one).matrix == pytest.approx(
        best_worst_covariance(second, other).matrix
    )


def test_groups_of_several_sizes_go_together():
    rows = [[0, 1, 2], [2, 0, 1, 3], [3, 1, 0, 2, 4], [4, 2, 0], [1, 4, 3]]
    fit = fit_best_worst(choices(rows, 5))
    assert np.isfinite(fit.strengths).all()
    assert fit.gradient_norm < 1e-8


def test_a_system_that_is_always_best_has_a_bound_and_no_endless_strength():
    rows = [[0, 1, 2], [0, 2, 1]] * 4
    data = choices(rows, 3, raters=4)
    fit = fit_best_worst(data)
    assert fit.is_separated
    assert abs(fit.strengths).max() < 4
    bound = one_sided_win_rates(data.implied, units=4)
    assert bound.is_lower.tolist() == [True, False, False]
    assert 0.3 < bound.low[0] < fit.win_rates[0]
    errors = np.sqrt(np.diag(best_worst_covariance(fit, data).matrix))
    assert errors[0] > 0.3


def test_what_was_never_shown_together_is_not_ranked_together():
    data = choices([[0, 1, 2], [5, 4, 3]], 6)
    with pytest.raises(NotConnected):
        fit_best_worst(data)
    part = data.restricted_to(np.array([3, 4, 5]))
    assert part.ranked[:, :3].tolist() == [[2, 1, 0]]
    assert fit_best_worst(part).systems == 3


def test_bad_input_is_refused():
    with pytest.raises(ImpossibleData):
        choices([[0, 1]], 2)
    with pytest.raises(NotEnoughData):
        fit_best_worst(choices([], 1))
    alone = choices([[0, 1, 2], [1, 2, 0], [2, 0, 1]], 3)
    with pytest.raises(NotEnoughData):
        best_worst_covariance(fit_best_worst(alone), alone)


def test_the_count_score_is_best_less_worst_over_times_shown():
    data = choices([[0, 1, 2], [0, 2, 1], [1, 0, 3, 2]], 4)
    found = count_scores(data, rng=np.random.default_rng(0))
    assert found.shown.tolist() == [3, 3, 3, 1]
    assert found.best.tolist() == [2, 1, 0, 0]
    assert found.worst.tolist() == [0, 1, 2, 0]
    assert found.score == pytest.approx([2 / 3, 0, -2 / 3, 0])
    assert (found.low, found.high) == (None, None)  # one rater


def test_the_count_score_of_one_choice_a_rater_has_the_textbook_interval():
    data = simulated(np.random.default_rng(9), TRUTH, size=5, number=40, raters=40)
    alone = replace(data, rater=np.arange(40), prompt=np.arange(40))
    found = count_scores(alone, rng=np.random.default_rng(0))
    is_best = data.ranked[:, 0] == 1
    score = is_best.astype(int) - (data.ranked[:, -1] == 1).astype(int)
    expected = ttest_1samp(score, 0).confidence_interval(0.95)
    assert found.low is not None
    assert found.high is not None
    assert (found.low[1], found.high[1]) == pytest.approx((expected.low, expected.high))


def test_a_system_that_all_name_best_is_not_certain_to_be_it():
    data = choices([[0, 1, 2], [0, 2, 1]] * 4, 3, raters=8)
    found = count_scores(data, rng=np.random.default_rng(0))
    assert found.low is not None
    assert 0 < found.low[0] < 0.6
    with pytest.raises(NotEnoughData):
        count_scores(choices([[0, 1, 2]], 4), rng=np.random.default_rng(0))


@given(st.sets(st.integers(0, 199), min_size=3, max_size=5))
def test_a_group_is_told_by_its_number(systems):
    number = group_number(systems)
    assert number < 2**32
    found = systems_of_groups(np.array([number]), size=len(systems), systems=200)
    assert found[0].tolist() == sorted(systems)


def test_groups_of_a_size_have_different_numbers_without_gaps():
    numbers = [group_number(group) for group in combinations(range(8), 4)]
    assert sorted(numbers) == list(range(70))


@pytest.mark.slow
@pytest.mark.parametrize("size", [3, 4])
def test_intervals_of_win_rates_hold_with_raters_of_their_own_tastes(size):
    """The truth with tastes is what endless raters would give: the fit of very many choices."""
    rng = np.random.default_rng(30 + size)
    many = simulated(rng, TRUTH, size=size, number=40_000, raters=20_000, taste=0.5)
    truth = fit_best_worst(many).win_rates
    runs, held = 120, np.zeros(5)
    for _ in range(runs):
        data = simulated(rng, TRUTH, size=size, number=500, raters=25, prompts=500, taste=0.5)
        fit = fit_best_worst(data)
        found = win_rate_intervals(fit, best_worst_covariance(fit, data), level=0.95, rng=rng)
        held += (found.low <= truth) & (truth <= found.high)
    assert 0.925 < held.mean() / runs < 0.98
