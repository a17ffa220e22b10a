"""Which pair is asked next, and that asking it more often biases nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.design import UNIFORM_SHARE, draw_tasks, plan_first_round
from ranking.stats.bradley_terry import PRIOR_PRECISION, fit_bradley_terry, newton, win_rates
from ranking.stats.counts import Counts
from ranking.stats.intervals import win_rate_intervals
from ranking.stats.pairing import (
    RULES,
    arena,
    inverse_chance_weights,
    pair_chances,
    resistance,
)
from ranking.stats.sandwich import sandwich
from tests.ranking.adaptive import Simulated, adaptive_study, differences, evenly_asked
from tests.ranking.cells import population_strengths

RULE_NAMES = list(RULES)
BAND = (0.935, 0.965)


def counts_of(wins, drawn=None):
    wins = np.asarray(wins, dtype=float)
    ties = np.zeros_like(wins) if drawn is None else np.asarray(drawn, dtype=float)
    return Counts(wins=wins, ties=ties, both_bad=np.zeros_like(wins))


def chances_of(counts, rule):
    return pair_chances(counts, rule=rule, uniform_share=UNIFORM_SHARE)


@given(
    systems=st.integers(2, 9),
    density=st.floats(0, 1),
    scale=st.sampled_from([1, 5, 10_000]),
    rule=st.sampled_from(RULE_NAMES),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_whatever_was_judged_the_chances_are_a_distribution(systems, density, scale, rule, seed):
    """Nothing judged, groups apart, systems that always win: all come up here."""
    rng = np.random.default_rng(seed)
    judged = rng.random((systems, systems)) < density
    wins = np.where(judged, rng.integers(0, scale + 1, (systems, systems)), 0)
    ties = np.triu(np.where(judged, rng.integers(0, scale + 1, (systems, systems)), 0), 1)
    np.fill_diagonal(wins, 0)
    found = chances_of(counts_of(wins, ties + ties.T), rule)
    pairs = found[np.triu_indices(systems, 1)]
    assert (found == found.T).all()
    assert (np.diag(found) == 0).all()
    assert pairs.sum() == pytest.approx(1)
    assert pairs.min() >= UNIFORM_SHARE / len(pairs) * (1 - 1e-9)


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_before_the_first_judgment_all_pairs_are_alike(rule):
    found = chances_of(counts_of(np.zeros((4, 4))), rule)
    assert found[np.triu_indices(4, 1)] == pytest.approx(np.full(6, 1 / 6))


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_newcomers_pairs_come_first(rule):
    wins = np.full((5, 5), 20.0)
    wins[4], wins[:, 4] = 0, 0
    found = chances_of(counts_of(wins * (1 - np.eye(5))), rule)
    assert 2 * found[:4, :4].max() < found[4, :4].min()


def test_what_joins_two_groups_comes_first_by_resistance():
    wins = np.zeros((4, 4))
    for i, j in ((0, 1), (2, 3)):
        wins[i, j] = wins[j, i] = 10
    found = chances_of(counts_of(wins), "resistance")
    assert found[:2, 2:].min() > 2 * max(found[0, 1], found[2, 3])


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_pair_that_is_settled_is_asked_less(rule):
    wins = np.full((3, 3), 25.0)
    wins[0, 1:], wins[1:, 0] = 49, 1
    found = chances_of(counts_of(wins * (1 - np.eye(3))), rule)
    assert found[1, 2] > 1.3 * found[0, 1]


def test_arenas_rule_is_the_shortening_of_the_interval():
    """Ten wins of sixteen, four ties: with one win each way 13 half-wins of 18 meetings."""
    found = arena(counts_of([[0, 10], [2, 0]], [[0, 4], [4, 0]]))
    variance = (11 + 4 / 4) / 18 - (13 / 18) ** 2
    assert found[0, 1] == pytest.approx((variance / 18) ** 0.5 - (variance / 19) ** 0.5)
    assert found[1, 0] == pytest.approx(found[0, 1])


def test_the_resistance_of_one_pair_is_that_of_the_textbook():
    found = resistance(counts_of([[0, 30], [30, 0]]))
    assert found[0, 1] == pytest.approx(0.25 * 2 / (2 * 60 * 0.25 + PRIOR_PRECISION))


def test_resistances_in_series_add_up():
    n = 1e6
    wins = np.array([[0, n, 0], [n, 0, n / 2], [0, n / 2, 0]])
    found = resistance(counts_of(wins))
    assert found[0, 2] == pytest.approx(found[0, 1] + found[1, 2], rel=1e-4)


def test_the_gain_is_what_a_judgment_adds_to_the_determinant():
    """One more judgment is a rank-one update: det grows by the factor 1 + p (1 - p) R."""
    rng = np.random.default_rng(4)
    wins = rng.integers(0, 20, (4, 4)) * (1.0 - np.eye(4))
    gain = resistance(counts_of(wins))
    p = newton(wins, np.zeros(4), PRIOR_PRECISION).probabilities

    def determinant(meetings):
        weight = meetings * p * (1 - p)
        return np.linalg.det(np.diag(weight.sum(axis=1) + PRIOR_PRECISION) - weight)

    before = wins + wins.T
    after = before.copy()
    after[1, 3] += 1
    after[3, 1] += 1
    assert determinant(after) / determinant(before) == pytest.approx(1 + gain[1, 3])


@pytest.mark.parametrize(("systems", "share"), [(1, 0.2), (3, 0.0), (3, 1.1)])
def test_chances_that_cannot_be_are_refused(systems, share):
    with pytest.raises(ValueError, match="systems"):
        pair_chances(counts_of(np.zeros((systems, systems))), rule="arena", uniform_share=share)


# Weights


def test_even_rounds_weigh_alike():
    turn = np.repeat([1, 2], [10, 20])
    chance = np.repeat([10 / 100, 20 / 90], [10, 20])
    assert inverse_chance_weights(turn, chance, pool=100) == pytest.approx(np.ones(30))


def test_when_everything_was_asked_all_weighs_alike():
    turn = np.repeat([1, 2, 3], [10, 5, 5])
    chance = np.concatenate([np.full(10, 0.5), [0.9, 0.1, 0.2, 0.7, 0.6], np.ones(5)])
    assert inverse_chance_weights(turn, chance, pool=20) == pytest.approx(np.ones(20))


def test_one_round_of_a_large_pool_weighs_by_the_plain_inverse():
    found = inverse_chance_weights(np.ones(2, int), np.array([2e-6, 5e-7]), pool=2_000_000)
    assert found == pytest.approx([0.5, 2.0], rel=1e-5)


def test_no_tasks_no_weights():
    assert len(inverse_chance_weights(np.zeros(0, int), np.zeros(0), pool=10)) == 0


def test_a_mean_over_all_tasks_is_estimated_without_bias_however_rounds_follow_the_answers():
    """Later rounds go to high or low pairs by what was seen; over half of the pool is asked."""
    rng = np.random.default_rng(0)
    first, second = np.triu_indices(4, 1)
    value = rng.normal(size=(6, 5)) + np.arange(6)[:, None]
    number = np.zeros((4, 4), dtype=int)
    number[first, second] = np.arange(6)
    weighted, plain = [], []
    for _ in range(3000):
        available = np.ones((6, 5), dtype=bool)
        draws = [plan_first_round(systems=4, prompts=5, count=6, rng=rng)]
        seen: list[float] = []
        for turn in range(3):
            draw = draws[turn]
            pair = number[draw.tasks.system_a, draw.tasks.system_b]
            available[pair, draw.tasks.prompt] = False
            seen += value[pair, draw.tasks.prompt].tolist()
            tilt = np.clip(np.mean(seen) - 3, -2, 2)
            gains = np.exp(tilt * np.linspace(-2, 2, 6)) + 0.1
            chances = np.zeros((4, 4))
            chances[first, second] = UNIFORM_SHARE / 6 + (1 - UNIFORM_SHARE) * gains / gains.sum()
            draws.append(draw_tasks(chances + chances.T, available, count=6, rng=rng))
        turn = np.repeat([1, 2, 3], 6)
        chance = np.concatenate([draw.chance for draw in draws[:3]])
        weights = inverse_chance_weights(turn, chance, pool=30)
        weighted.append((weights * seen).mean())
        plain.append(np.mean(seen))
    error = np.std(weighted) / 3000**0.5
    assert abs(np.mean(weighted) - value.mean()) < 3 * error
    assert abs(np.mean(plain) - value.mean()) > 10 * error


def no_order():
    """The last beats the first, though it loses to all others: no strengths say that."""
    logits = differences(np.array([2.0, 1.5, 1.0, -1.0, -2.0, -3.0]))
    logits[5, 0], logits[0, 5] = 2.5, -2.5
    return logits


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_model_that_is_wrong_estimates_what_even_asking_would(rule):
    logits = no_order()
    truth = evenly_asked(logits)
    rng = np.random.default_rng(11)
    weighted, plain = [], []
    for _ in range(250):
        study = adaptive_study(rng, logits, budget=600, size=50, rule=rule, prompts=200)
        for data, found in ((study.weighted(), weighted), (study.tallied(), plain)):
            found.append(fit_bradley_terry(data.counts.half_wins).strengths)
    error = np.std(weighted, axis=0) / len(weighted) ** 0.5
    assert (np.abs(np.mean(weighted, axis=0) - truth) < 3 * error + 0.005).all()
    assert (np.abs(np.mean(plain, axis=0) - truth) > 10 * error).any()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULE_NAMES)
def test_intervals_cover_though_the_rounds_follow_the_answers(rule):
    strengths = np.array([1.5, 1.2, 1.0, 0.0, -1.0, -2.7])
    truth = win_rates(population_strengths(strengths, spread=0.5))
    rng = np.random.default_rng(21)
    held = []
    for _ in range(400):
        study = adaptive_study(
            rng, differences(strengths), budget=300, size=60, rule=rule, taste=0.5
        )
        data = study.weighted()
        fit = fit_bradley_terry(data.counts.half_wins)
        found = win_rate_intervals(fit, sandwich(fit, data), level=0.95, rng=rng)
        held.append((found.low <= truth) & (truth <= found.high))
    assert BAND[0] <= np.mean(held) <= BAND[1]


# Does it help?


@pytest.mark.slow
def test_in_a_wide_field_the_same_judgments_err_less_than_evenly_asked_ones():
    """Twelve systems, most pairs settled: win rates from 1,800 judgments, squared errors summed."""
    logits = differences(np.linspace(3, -3, 12))
    truth = win_rates(evenly_asked(logits))
    errors = {}
    for rule in ("even", "resistance"):
        rng = np.random.default_rng(0)
        studies = (adaptive_study(rng, logits, budget=600, size=60, rule=rule) for _ in range(500))
        fits = (fit_bradley_terry(s.weighted().counts.half_wins) for s in studies)
        errors[rule] = np.array([((fit.win_rates - truth) ** 2).sum() for fit in fits])
    gain = errors["even"].mean() - errors["resistance"].mean()
    noise = np.sqrt(sum(e.var() / len(e) for e in errors.values()))
    assert gain > 3 * noise


def test_arenas_rule_knows_the_pairs_better_from_the_same_judgments():
    """Its aim: the variances of all pairs' shares of wins, added up."""
    logits = differences(np.linspace(2, -2, 8))
    p = 1 / (1 + np.exp(-logits))
    totals = {}
    for rule in ("even", "arena"):
        rng = np.random.default_rng(1)
        study = adaptive_study(rng, logits, budget=560, size=56, rule=rule)
        variance = p * (1 - p) / np.maximum(study.tallied().counts.meetings, 1)
        totals[rule] = variance[np.triu_indices(8, 1)].sum()
    assert totals["arena"] < 0.97 * totals["even"]


def test_asking_everything_adaptively_is_the_full_design():
    """The budget is the pool: every task once, every weight one, pairs that run out included."""
    rng = np.random.default_rng(2)
    study: Simulated = adaptive_study(
        rng, differences(np.linspace(2, -2, 5)), budget=60, size=9, rule="resistance", prompts=6
    )
    assert not study.available.any()
    assert study.weights() == pytest.approx(np.ones(60))
