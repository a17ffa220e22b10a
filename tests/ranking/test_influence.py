"""What hangs on one rater, on a few judgments, on a side, on the length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import A_WINS, B_WINS, LEFT_A, LEFT_B, TIE
from ranking.stats.covariates import fit_with_covariates, left_right, standardised
from ranking.stats.discrimination import discriminations
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.influence import capped_weights, fewest_to_change_the_top, rater_influence
from ranking.stats.intervals import contrast_intervals
from ranking.stats.sandwich import sandwich
from tests.ranking.cells import comparisons, simulated


def fitted(data):
    fit = fit_bradley_terry(data.counts.half_wins)
    return fit, sandwich(fit, data)


def test_leaving_a_rater_out_by_one_step_is_close_to_a_refit():
    rng = np.random.default_rng(1)
    data = simulated(rng, np.linspace(-0.5, 0.5, 4), taste=0.6, raters=25)
    fit, cov = fitted(data)
    found = rater_influence(fit, cov)
    assert found.share.sum() == pytest.approx(1)
    for rater in range(25):
        refit = fit_bradley_terry(data.only(data.rater != rater).counts.half_wins)
        one_step = fit.strengths - cov.influence[rater]
        assert one_step == pytest.approx(refit.strengths, abs=0.012)
        moved = np.abs(refit.win_rates - fit.win_rates).max()
        assert found.shift[rater] == pytest.approx(moved, abs=0.003)


def test_a_rater_who_decides_the_order_is_seen_in_the_rank_range():
    rows = [(r, 0, 1, (A_WINS, B_WINS)[k % 2]) for r in range(8) for k in range(10)]
    rows += [(8, 0, 1, A_WINS)] * 6 + [(0, 0, 1, B_WINS)] * 3
    fit, cov = fitted(comparisons(rows, systems=2))
    found = rater_influence(fit, cov)
    assert found.rank_low.tolist() == [1, 1]
    assert found.rank_high.tolist() == [2, 2]
    assert found.share.argmax() == 8


def test_the_fewest_judgments_that_change_the_top_are_found_for_two_systems():
    """55 to 45: eleven wins must go before the other leads, whatever an order of removal."""
    rows = [(0, 0, 1, A_WINS)] * 55 + [(1, 0, 1, B_WINS)] * 45
    data = comparisons(rows, systems=2)
    found = fewest_to_change_the_top(fit_bradley_terry(data.counts.half_wins), data.counts)
    assert (found.judgments, found.challenger) == (11, 1)
    assert found.share == pytest.approx(0.11)


def test_removing_what_was_found_does_change_the_top():
    rng = np.random.default_rng(2)
    data = simulated(rng, np.array([0.1, 0.05, -0.2, -0.4]), ties=0.2)
    fit, _ = fitted(data)
    found = fewest_to_change_the_top(fit, data.counts)
    assert 0 < found.share < 0.1
    assert found.challenger != fit.strengths.argmax()


def test_a_system_far_ahead_is_not_overtaken_by_removing_a_few():
    rng = np.random.default_rng(2)
    data = simulated(rng, np.array([2.0, -1.0, -1.0]))
    fit, _ = fitted(data)
    found = fewest_to_change_the_top(fit, data.counts)
    assert found is None or found.share > 0.2


def test_a_cap_holds_for_every_rater_and_touches_no_small_one():
    rows = [(r, 0, 1, A_WINS) for r, n in enumerate((90, 30, 10, 10, 10, 10)) for _ in range(n)]
    data = comparisons(rows, systems=2)
    weights = capped_weights(data, 0.25)
    given = weights * np.bincount(data.rater)
    assert given.max() / given.sum() == pytest.approx(0.25)
    assert weights[2:].tolist() == [1, 1, 1, 1]
    assert np.sort(given)[::-1][:2] == pytest.approx([20, 20])  # 0.25 * (20 + 20 + 40)
    # Six raters cannot each have less than a tenth: all weigh the same.
    assert capped_weights(data, 0.1) * np.bincount(data.rater) == pytest.approx([10] * 6)
    assert capped_weights(data, 1.0).tolist() == [1] * 6
    with pytest.raises(ValueError, match="a share of 0"):
        capped_weights(data, 0)


def test_a_rater_who_mixes_up_the_sides_is_flagged_and_no_usual_one():
    rng = np.random.default_rng(3)
    data = simulated(rng, np.linspace(-1, 1, 4), raters=20)
    turned = np.array([B_WINS, A_WINS, TIE, 3])
    wrong = np.where(data.rater == 7, turned[data.outcome], data.outcome)
    noise = np.where(data.rater == 8, rng.integers(0, 2, 2000), wrong)
    fit, cov = fitted(replace(data, outcome=noise))
    found = discriminations(fit, cov, replace(data, outcome=noise))
    assert 7 in np.flatnonzero(found.is_reversed)
    assert found.is_reversed[:7].sum() + found.is_reversed[9:].sum() == 0
    assert found.low[8] < 0.3 < 0.5 < found.value.mean()
    # The two pull everybody else's fit towards zero, so the others stand a little above one.
    assert 0.9 < np.delete(found.value, [7, 8]).mean() < 1.6


def sided(rng, data, log_odds):
    """Give each judgment a side, and let raters favour the left by `log_odds`."""
    left = rng.integers(LEFT_A, LEFT_B + 1, len(data.a))
    pull = rng.random(len(data.a)) < np.tanh(log_odds / 2)
    chosen = np.where(left == LEFT_A, A_WINS, B_WINS)
    return replace(data, left=left, outcome=np.where(pull, chosen, data.outcome))


def test_a_preference_for_the_left_is_found_and_swapping_sides_turns_only_it():
    rng = np.random.default_rng(4)
    data = sided(rng, simulated(rng, np.array([0.5, 0, -0.5]), judgments=6000), 0.4)
    fit = fit_with_covariates(data, left_right(data))
    cov = sandwich(fit, data)
    contrast = np.eye(4)[3:]
    found = contrast_intervals(fit.coefficients, contrast, cov, level=0.95, rng=rng)
    assert 0.2 < found.low[0] < found.high[0] < 0.6
    swapped = replace(data, left=np.array([0, LEFT_B, LEFT_A])[data.left])
    other = fit_with_covariates(swapped, left_right(swapped))
    assert other.strengths == pytest.approx(fit.strengths, abs=1e-9)
    assert other.coefficients == pytest.approx(-fit.coefficients, abs=1e-9)


def test_without_covariates_it_is_the_plain_fit():
    rng = np.random.default_rng(5)
    data = simulated(rng, np.array([0.5, 0, -0.5]), ties=0.2, judgments=500)
    plain, cov = fitted(data)
    fit = fit_with_covariates(data, np.zeros((500, 0)))
    assert fit.strengths == pytest.approx(plain.strengths, abs=1e-9)
    assert sandwich(fit, data).by_rater == pytest.approx(cov.by_rater, abs=1e-12)
    assert sandwich(fit, data).beyond_raters == pytest.approx(cov.beyond_raters, abs=1e-12)


def test_a_system_that_wins_by_length_alone_is_even_once_adjusted():
    """System 0 writes more, and raters like length: the raw lead is gone at equal length."""
    rng = np.random.default_rng(6)
    data = simulated(rng, np.zeros(3), judgments=8000, raters=80)
    longer = rng.normal(0, 1, 8000) + 1.0 * ((data.a == 0).astype(float) - (data.b == 0))
    likes = 1 / (1 + np.exp(-0.6 * longer))
    data = replace(data, outcome=np.where(rng.random(8000) < likes, A_WINS, B_WINS))
    raw, _ = fitted(data)
    assert raw.win_rates[0] > 0.6
    fit = fit_with_covariates(data, longer[:, None])
    cov = sandwich(fit, data)
    assert fit.coefficients[0] == pytest.approx(0.6, abs=0.08)
    error = np.sqrt(cov.variance(fit.win_rate_gradient))[0]
    assert abs(fit.win_rates[0] - 0.5) < 3 * error
    # The interval has the coefficient's error in it: wider than the raw one.
    raw_error = np.sqrt(sandwich(raw, data).variance(raw.win_rate_gradient))[0]
    assert error > raw_error


def test_a_covariate_that_says_nothing_is_refused():
    rng = np.random.default_rng(7)
    data = simulated(rng, np.zeros(3), judgments=200)
    with pytest.raises(NotEnoughData):
        fit_with_covariates(data, np.zeros((200, 1)))
    of_the_systems = ((data.a == 0).astype(float) - (data.b == 0))[:, None]
    with pytest.raises(NotEnoughData):
        fit_with_covariates(data, of_the_systems)


def test_standardising_keeps_zero_and_scales_to_one():
    differences = np.array([[3.0, 0.0], [-3.0, 0.0], [3.0, 0.0]])
    scaled = standardised(differences, np.array([1, 1, 2]))
    assert scaled.tolist() == [[1, 0], [-1, 0], [1, 0]]
