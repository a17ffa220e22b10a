"""Strengths against closed forms, published figures and their own invariants."""

from __future__ import annotations

import csv

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from ranking.stats.bradley_terry import (
    GRADIENT_TOLERANCE,
    fit_bradley_terry,
    newton,
    win_probabilities,
    win_rates,
)
from ranking.stats.connectivity import groups, is_separated, strata
from ranking.stats.counts import A_WINS, B_WINS, BOTH_BAD, TIE, Counts, aggregate
from ranking.stats.davidson import fit_davidson
from ranking.stats.exceptions import ImpossibleData, NotConnected, NotConverged, NotEnoughData
from ranking.stats.separation import one_sided_win_rates
from tests.ranking.cells import comparisons


def counts_of(wins, ties=None) -> Counts:
    wins = np.asarray(wins, dtype=float)
    return Counts(
        wins=wins,
        ties=np.zeros_like(wins) if ties is None else np.asarray(ties, dtype=float),
        both_bad=np.zeros_like(wins),
    )


def test_two_systems_have_the_closed_form():
    fit = fit_bradley_terry(np.array([[0, 30.0], [10, 0]]))
    assert fit.strengths[0] - fit.strengths[1] == pytest.approx(np.log(3), abs=1e-12)
    assert fit.gradient_norm < GRADIENT_TOLERANCE
    assert fit.win_rates == pytest.approx([0.75, 0.25])
    # The inverse information: 1 / (n p q) for the difference.
    assert fit.bread[0, 0] * 4 == pytest.approx(1 / (40 * 0.75 * 0.25))


def test_known_strengths_are_recovered():
    true = np.array([0.8, 0.1, -0.2, -0.7])
    expected = 1e6 * win_probabilities(true)
    np.fill_diagonal(expected, 0)
    assert fit_bradley_terry(expected).strengths == pytest.approx(true - true.mean(), abs=1e-9)


def test_the_citations_of_four_journals_give_the_published_coefficients(shared_data):
    """Stigler (1994), as in Agresti (2002): cited journals win."""
    with (shared_data / "classic_bt" / "citations.csv").open() as file:
        rows = list(csv.reader(file))
    wins = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]])
    np.fill_diagonal(wins, 0)
    fit = fit_bradley_terry(wins)
    published = [-2.94907, -0.47957, 0.26895]
    assert fit.strengths[1:] - fit.strengths[0] == pytest.approx(published, abs=6e-6)
    contrasts = np.array([[-1, 1, 0, 0], [-1, 0, 1, 0], [-1, 0, 0, 1.0]])
    errors = np.sqrt(np.diag(contrasts @ fit.bread @ contrasts.T))
    assert errors == pytest.approx([0.10255, 0.06059, 0.07083], abs=6e-6)


def test_six_puddings_give_the_published_worths_and_tie_parameter(shared_data):
    """Davidson (1970), example 2; the published run stopped 2e-5 short of the maximum."""
    with (shared_data / "classic_bt" / "pudding.csv").open() as file:
        rows = list(csv.DictReader(file))
    wins, ties = np.zeros((2, 6, 6))
    for row in rows:
        i, j = int(row["i"]) - 1, int(row["j"]) - 1
        wins[i, j], wins[j, i] = float(row["w_ij"]), float(row["w_ji"])
        ties[i, j] = ties[j, i] = float(row["t_ij"])
    fit = fit_davidson(counts_of(wins, ties))
    worth = np.exp(fit.strengths) / np.exp(fit.strengths).sum()
    published = [0.1388005, 0.1729985, 0.1617420, 0.1653930, 0.1586805, 0.2023855]
    assert worth == pytest.approx(published, abs=3e-5)
    assert np.exp(fit.log_tie) == pytest.approx(0.7468147, abs=2e-5)


@pytest.mark.parametrize("algorithm", ["bradley_terry", "newman"])
def test_the_judgments_of_llmfao_give_the_golden_scores(shared_data, algorithm):
    """Evalica's golden file; Newman's model is Davidson's."""
    with (shared_data / "llmfao" / "crowd-comparisons.csv").open() as file:
        rows = list(csv.DictReader(file))
    with (shared_data / "llmfao" / "evalica-llmfao-golden.csv").open() as file:
        golden = {r["item"]: float(r["score"]) for r in csv.DictReader(file)
                  if r["algorithm"] == algorithm}  # fmt: skip
    names = sorted(golden)
    place = {name: i for i, name in enumerate(names)}
    outcome = {"left": A_WINS, "right": B_WINS, "tie": TIE}
    found = aggregate(
        np.array([place[row["left"]] for row in rows]),
        np.array([place[row["right"]] for row in rows]),
        np.array([outcome[row["winner"]] for row in rows]),
        len(names),
    )
    fit = fit_davidson(found) if algorithm == "newman" else fit_bradley_terry(found.half_wins)
    published = np.log([golden[name] for name in names])
    assert fit.strengths == pytest.approx(published - published.mean(), abs=1e-9)


@st.composite
def matrices(draw):
    size = draw(st.integers(2, 6))
    values = draw(st.lists(st.integers(1, 40), min_size=size**2, max_size=size**2))
    return np.array(values, dtype=float).reshape(size, size) * (1 - np.eye(size))


@settings(max_examples=60, deadline=None)
@given(matrices(), st.randoms(use_true_random=False))
def test_names_do_not_matter(wins, random):
    order = list(range(len(wins)))
    random.shuffle(order)
    plain = fit_bradley_terry(wins).strengths
    shuffled = fit_bradley_terry(wins[np.ix_(order, order)]).strengths
    assert shuffled == pytest.approx(plain[order], abs=1e-8)
    assert win_rates(plain).mean() == pytest.approx(0.5)
    assert win_rates(plain + 7) == pytest.approx(win_rates(plain))


@settings(max_examples=40, deadline=None)
@given(matrices())
def test_the_fit_is_that_of_choix_and_its_chances_add_up(wins):
    fit = fit_bradley_terry(wins)
    oracle = choix.ilsr_pairwise_dense(wins, tol=1e-10)
    assert fit.strengths == pytest.approx(oracle - oracle.mean(), abs=1e-7)
    assert fit.expected + fit.expected.T == pytest.approx(np.ones_like(wins))


@settings(max_examples=40, deadline=None)
@given(matrices(), matrices())
def test_davidson_meets_its_likelihood_equations(wins, more):
    size = min(len(wins), len(more))
    ties = np.minimum(more, more.T)[:size, :size]
    counts = counts_of(wins[:size, :size], ties)
    fit = fit_davidson(counts)
    meetings = counts.meetings
    assert (meetings * fit.expected).sum(axis=1) == pytest.approx(counts.half_wins.sum(axis=1))
    assert (meetings * fit.tie_chance).sum() == pytest.approx(counts.drawn.sum())
    assert fit.expected + fit.expected.T == pytest.approx(np.ones_like(meetings))


def test_the_slopes_and_the_information_are_derivatives():
    """Checked by central differences, for both models."""
    wins = np.array([[0, 9, 4.0], [3, 0, 7], [5, 2, 0]])
    ties = np.array([[0, 4, 1.0], [4, 0, 3], [1, 3, 0]])
    fit = fit_davidson(counts_of(wins, ties))
    gradient = fit.win_rate_gradient
    step = 1e-5
    for system in range(3):
        moved = [fit.strengths + sign * step * np.eye(3)[system] for sign in (1, -1)]
        up, down = (davidson_rates(m, fit.log_tie) for m in moved)
        assert (up - down) / (2 * step) == pytest.approx(gradient[:, system], abs=1e-8)
    up, down = (davidson_rates(fit.strengths, fit.log_tie + sign * step) for sign in (1, -1))
    assert (up - down) / (2 * step) == pytest.approx(gradient[:, 3], abs=1e-8)


def davidson_rates(strengths, log_tie):
    half = (strengths[:, None] - strengths[None, :]) / 2
    win, loss, tie = np.exp(half), np.exp(-half), np.exp(log_tie)
    share = (win + tie / 2) / (win + loss + tie)
    return (share.sum(axis=1) - 0.5) / (len(strengths) - 1)


def test_without_ties_or_without_anything_else_there_is_no_tie_parameter():
    wins = np.array([[0, 3.0], [2, 0]])
    with pytest.raises(NotEnoughData):
        fit_davidson(counts_of(wins))
    with pytest.raises(NotEnoughData):
        fit_davidson(counts_of(np.zeros((2, 2)), np.array([[0, 4.0], [4, 0]])))


def test_systems_that_were_never_compared_are_not_put_on_one_scale():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = wins[2, 3] = wins[3, 2] = 5
    assert [list(group) for group in groups(wins)] == [[0, 1], [2, 3]]
    with pytest.raises(NotConnected):
        fit_bradley_terry(wins)


def test_a_system_that_always_wins_is_held_by_the_prior_and_said_to_be():
    wins = np.array([[0, 8.0, 8.0], [0, 0, 4.0], [0, 4.0, 0]])
    assert is_separated(wins)
    assert strata(wins)[1] == strata(wins)[2] != strata(wins)[0]
    fit = fit_bradley_terry(wins)
    assert fit.is_separated
    assert np.isfinite(fit.strengths).all()
    assert fit.strengths[0] == fit.strengths.max()


def test_the_bound_of_a_system_that_always_won_is_exact_for_two():
    """All of n won: the chance of that is alpha at alpha ** (1 / n)."""
    counts = counts_of(np.array([[0, 20.0], [0, 0]]))
    found = one_sided_win_rates(counts, units=20)
    assert found.is_lower.tolist() == [True, False]
    assert found.is_upper.tolist() == [False, True]
    assert found.low[0] == pytest.approx(0.05 ** (1 / 20), abs=1e-4)
    assert found.high[1] == pytest.approx(1 - 0.05 ** (1 / 20), abs=1e-4)
    # Two raters who judged ten times each are not twenty raters.
    assert one_sided_win_rates(counts, units=2).low[0] == pytest.approx(0.05**0.5, abs=1e-3)


def test_a_bound_leaves_the_rest_of_the_table_alone():
    wins = np.array([[0, 8.0, 8.0, 3], [0, 0, 4.0, 2], [0, 4.0, 0, 2], [0, 1, 1, 0]])
    found = one_sided_win_rates(counts_of(wins), units=30)
    assert found.is_lower.tolist() == [True, False, False, False]
    assert found.is_upper.tolist() == [False, True, True, True]
    assert 0.5 < found.low[0] < fit_bradley_terry(wins).win_rates[0]


@pytest.mark.parametrize(
    ("half_wins", "error"),
    [
        (np.zeros((0, 0)), NotEnoughData),
        (np.zeros((1, 1)), NotEnoughData),
        (np.zeros((2, 2)), NotConnected),
        (np.zeros((2, 3)), ImpossibleData),
        (np.array([[0, np.nan], [1, 0]]), ImpossibleData),
        (np.array([[0, np.inf], [1, 0]]), ImpossibleData),
        (np.array([[0, -1.0], [1, 0]]), ImpossibleData),
        (np.array([[3.0, 1], [1, 0]]), ImpossibleData),
    ],
)
def test_what_cannot_be_fitted_is_refused(half_wins, error):
    with pytest.raises(error):
        fit_bradley_terry(half_wins)


@pytest.mark.parametrize(("a", "outcome"), [(2, 0), (-9, 0), (0, 99)])
def test_a_number_that_is_no_system_or_outcome_is_refused(a, outcome):
    with pytest.raises(ImpossibleData):
        aggregate(np.array([a]), np.array([1]), np.array([outcome]), 2)


def test_a_fit_that_does_not_converge_raises(monkeypatch):
    monkeypatch.setattr("ranking.stats.bradley_terry.MAX_STEPS", 2)
    with pytest.raises(NotConverged, match="after 2 steps"):
        newton(np.array([[0, 900.0], [1, 0]]), np.zeros(2))


def test_a_tie_and_a_both_bad_are_half_a_win_each_and_are_counted_apart():
    rows = [(0, 0, 1, A_WINS), (0, 0, 1, B_WINS), (1, 1, 0, A_WINS)]
    counts = comparisons([*rows, (1, 0, 1, TIE), (1, 1, 0, BOTH_BAD)], systems=2).counts
    assert counts.wins.tolist() == [[0, 1], [2, 0]]
    assert counts.ties.tolist() == counts.both_bad.tolist() == [[0, 1], [1, 0]]
    assert counts.half_wins.tolist() == [[0, 2], [3, 0]]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 7), st.integers(0, 300), st.integers(0, 2**32))
def test_counting_one_by_one_or_in_pieces_is_the_same(systems, judgments, seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, systems, judgments)
    b = (a + rng.integers(1, systems, judgments)) % systems
    outcome = rng.integers(0, 4, judgments)
    whole = aggregate(a, b, outcome, systems)
    cut = judgments // 3
    parts = [aggregate(a[s], b[s], outcome[s], systems) for s in (slice(cut), slice(cut, None))]
    assert (whole.half_wins == parts[0].half_wins + parts[1].half_wins).all()
    assert whole.meetings.sum() == 2 * judgments
    shuffled = rng.permutation(judgments)
    again = aggregate(a[shuffled], b[shuffled], outcome[shuffled], systems)
    assert (again.wins == whole.wins).all()


def test_the_logit_of_a_win_rate_is_the_difference():
    fit = fit_bradley_terry(np.array([[0, 7.0], [3, 0]]))
    assert logit(fit.win_rates[0]) == pytest.approx(fit.strengths[0] - fit.strengths[1])


def test_large_counts_still_converge():
    rng = np.random.default_rng(0)
    wins = rng.integers(10**8, 2 * 10**8, (20, 20)).astype(float) * (1 - np.eye(20))
    fit = fit_bradley_terry(wins)
    assert (wins + wins.T) @ np.ones(20) == pytest.approx((wins + wins.T).sum(axis=1))
    expected = ((wins + wins.T) * fit.expected).sum(axis=1)
    assert expected == pytest.approx(wins.sum(axis=1), rel=1e-13)
