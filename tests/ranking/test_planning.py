"""The formula and the simulation of a study give the same power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import norm

from ranking.stats.counts import TIE, WORTH
from ranking.stats.exceptions import NotPossible
from ranking.stats.planning import (
    Design,
    Effect,
    Reading,
    detectable_margin,
    of_size,
    plan,
    power,
)
from ranking.stats.power import Simulation, simulate_power
from ranking.stats.tastes import Tastes

ONCE = Reading()


def win_rate_margin(log_odds, *, systems, ties):
    """What log-odds of judgments that are no ties are as a difference of win rates."""
    gap = logit((1 - ties) * expit(log_odds) + ties / 2)
    strengths = np.zeros(systems)
    strengths[:2] = gap / 2, -gap / 2
    shares = expit(strengths[:, None] - strengths[None, :])
    rates = (shares.sum(axis=1) - 0.5) / (systems - 1)
    return rates[0] - rates[1]


@pytest.mark.parametrize(("systems", "ties"), [(2, 0.0), (10, 0.2), (40, 0.4)])
def test_for_many_raters_and_small_margins_it_is_the_textbook(systems, ties):
    """N = 4 (1.96 + 0.84)^2 (M - 1) / ((1 - ties) delta^2)."""
    delta = 0.2007  # 55 against 45
    textbook = 4 * (norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * (systems - 1) / (1 - ties) / delta**2
    margin = win_rate_margin(delta, systems=systems, ties=ties)
    found = plan(Design(systems=systems, ties=ties), margin, wanted=0.8, reading=ONCE)
    assert found.judgments == pytest.approx(textbook, rel=0.01)
    assert found.power == pytest.approx(0.8, abs=0.001)
    if systems == 10:
        assert textbook == pytest.approx(8771, abs=5)


def test_for_two_systems_it_is_a_test_of_one_proportion():
    """A difference of win rates of 0.1 is 55 % against one half."""
    found = plan(Design(systems=2), 0.1, wanted=0.9, reading=ONCE)
    variance = 0.55 * 0.45
    by_hand = variance * ((norm.ppf(0.975) + norm.ppf(0.9)) / 0.05) ** 2
    assert found.judgments == pytest.approx(by_hand, rel=0.005)


def test_raters_who_hang_together_cost_what_the_design_effect_says():
    """For a pair 1 + (m - 1) rho; for M systems less of it reaches a difference: rho / (M - 1)."""
    for systems in (2, 5, 20):
        kwargs = {"systems": systems, "per_rater": 21, "ties": 0.2}
        alone = Effect(design=Design(**kwargs), margin=0.01)
        tasted = Effect(design=Design(rater_correlation=0.1, **kwargs), margin=0.01)
        assert tasted.correlations[0] == pytest.approx(0.1 / (systems - 1), rel=1e-3)
        needed = [plan(e.design, 0.01, wanted=0.8, reading=ONCE).judgments for e in (alone, tasted)]
        assert needed[1] / needed[0] == pytest.approx(1 + 20 * 0.1 / (systems - 1), rel=0.01)


CELLS = [
    (2, 0.1, 0.0, 0.05), (2, 0.1, 0.2, 0.1), (2, 0.1, 0.4, 0.0),
    (3, 0.15, 0.0, 0.0), (3, 0.1, 0.2, 0.05), (3, 0.15, 0.4, 0.1),
    (10, 0.12, 0.0, 0.1), (10, 0.15, 0.2, 0.0), (10, 0.12, 0.4, 0.05),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("systems", "margin", "ties", "correlation"), CELLS)
def test_the_simulation_has_the_power_of_the_formula(systems, margin, ties, correlation):
    """Within two points; 3,000 studies have a standard error of 0.7. The engine reads them."""
    design = Design(systems=systems, ties=ties, per_rater=10, rater_correlation=correlation)
    found = plan(design, margin, wanted=0.8, reading=ONCE)
    simulated = simulate_power(
        Effect(design=design, margin=margin),
        raters=found.raters,
        reading=ONCE,
        runs=3000,
        rng=np.random.default_rng(2),
    )
    assert simulated.value == pytest.approx(found.power, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompts", "prompt_correlation", "at_any_time"), [(60, 0.0, False), (60, 0.05, False),
                                                       (None, 0.0, True)]
)  # fmt: skip
def test_so_it_has_with_prompts_that_repeat_and_at_any_time(
    prompts, prompt_correlation, at_any_time
):
    design = Design(
        systems=3,
        ties=0.2,
        per_rater=15,
        rater_correlation=0.05,
        prompts=prompts,
        prompt_correlation=prompt_correlation,
    )
    reading = Reading(at_any_time=at_any_time)
    found = plan(design, 0.1, wanted=0.8, reading=reading)
    simulated = simulate_power(
        Effect(design=design, margin=0.1),
        raters=found.raters,
        reading=reading,
        runs=2500,
        rng=np.random.default_rng(3),
    )
    assert simulated.value == pytest.approx(found.power, abs=0.025)


def test_the_simulated_judgments_have_the_stated_shares_and_correlation():
    design = Design(systems=2, ties=0.3, per_rater=2, rater_correlation=0.1)
    effect = Effect(design=design, margin=0.2)
    data = Simulation(effect=effect, raters=200_000).draw(np.random.default_rng(1))
    worth = WORTH[data.outcome].reshape(-1, 2)
    assert worth.mean() == pytest.approx(0.6, abs=0.003)
    assert (data.outcome == TIE).mean() == pytest.approx(0.3, abs=0.003)
    even = effect.tastes.swing(effect.expected)[0][0, 1] ** 2 * 0.1 * 0.7 / 4
    assert np.cov(worth.T)[0, 1] == pytest.approx(even, rel=0.05)


def test_both_kinds_of_taste_have_the_stated_correlation_together():
    tastes = Tastes(ties=0.2, rater_correlation=0.1, prompt_correlation=0.05)
    rng = np.random.default_rng(2)
    rater, prompt = tastes.spreads
    normal = rng.normal(size=(3, 400_000)) * np.sqrt(2)
    one, other = (expit(rater * normal[0] + prompt * normal[k]) for k in (1, 2))
    assert 4 * 0.8 * np.cov(one, other)[0, 1] == pytest.approx(0.1, rel=0.02)
    one, other = (expit(prompt * normal[0] + rater * normal[k]) for k in (1, 2))
    assert 4 * 0.8 * np.cov(one, other)[0, 1] == pytest.approx(0.05, rel=0.02)


def test_more_of_anything_helps_or_hurts_as_it_should():
    def needed(margin=0.1, wanted=0.8, reading=ONCE, **kwargs):
        design = Design(**{"systems": 3, "ties": 0.2, "per_rater": 20, **kwargs})
        return plan(design, margin, wanted=wanted, reading=reading).judgments

    assert needed(margin=0.05) > 3 * needed()
    assert needed(wanted=0.9) > needed()
    assert needed(rater_correlation=0.1) > needed()
    assert needed(systems=6) > needed()
    assert needed(reading=Reading(comparisons=3)) > needed()
    # A look at any time takes about twice the judgments of one look, at most.
    assert 1.5 < needed(reading=Reading(at_any_time=True)) / needed() < 2.3
    assert needed(prompts=50, prompt_correlation=0.01) > needed(prompts=50)


def test_the_detectable_margin_is_the_one_that_has_the_power():
    design = Design(systems=4, ties=0.2, per_rater=25, rater_correlation=0.05)
    margin = detectable_margin(design, raters=40, wanted=0.8, reading=ONCE)
    assert power(Effect(design=design, margin=margin), 40, ONCE) == pytest.approx(0.8, abs=1e-4)
    assert plan(design, margin + 1e-5, wanted=0.8, reading=ONCE).raters == 40


def test_nothing_but_the_level_is_found_where_there_is_next_to_nothing():
    design = Design(systems=3, per_rater=10)
    assert of_size(design, 1e-9, raters=50, reading=ONCE).power == pytest.approx(0.025, abs=1e-3)


def test_prompts_that_differ_set_a_floor_that_no_rater_lifts():
    design = Design(systems=2, per_rater=10, prompts=20, prompt_correlation=0.1)
    with pytest.raises(NotPossible, match="more prompts"):
        plan(design, 0.02, wanted=0.8, reading=ONCE)
    assert plan(design, 0.3, wanted=0.8, reading=ONCE).raters > 2


@pytest.mark.parametrize(
    "kwargs",
    [
        {"systems": 1},
        {"ties": 1.0},
        {"ties": -0.1},
        {"rater_correlation": 1.0},
        {"prompt_correlation": float("nan")},
        {"per_rater": 0},
        {"prompts": 1},
        {"prompts": 10, "per_rater": 11},
    ],
)
def test_a_study_that_cannot_be_is_refused(kwargs):
    with pytest.raises(NotPossible):
        Design(**{"systems": 2, **kwargs})


def test_a_plan_that_cannot_be_is_refused():
    design = Design(systems=2, ties=0.5)
    for margin in (0.0, -0.1, 0.5, float("nan")):
        with pytest.raises(NotPossible, match=r"not within 0 and 0\.5"):
            plan(design, margin, wanted=0.8, reading=ONCE)
    with pytest.raises(NotPossible, match=r"a power of 1\.0"):
        plan(design, 0.1, wanted=1.0, reading=ONCE)
    with pytest.raises(NotPossible, match="two raters"):
        of_size(design, 0.1, raters=1, reading=ONCE)
    with pytest.raises(NotPossible, match="find no difference"):
        detectable_margin(design, raters=2, wanted=0.8, reading=ONCE)
    with pytest.raises(NotPossible, match="cannot be beside"):
        Tastes(ties=0.4, rater_correlation=0.8, prompt_correlation=0).spreads  # noqa: B018
