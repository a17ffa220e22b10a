"""The statistics against closed forms, published figures and their own invariants."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import t as student

from ranking.stats.agreement import interval_metric, krippendorff_alpha, nominal
from ranking.stats.bootstrap import bootstrap_strengths, interval
from ranking.stats.bradley_terry import (
    GRADIENT_TOLERANCE,
    fit_bradley_terry,
    win_probabilities,
    win_rates,
)
from ranking.stats.connectivity import groups, is_separated
from ranking.stats.counts import A_WINS, B_WINS, BOTH_BAD, TIE, Comparisons
from ranking.stats.exceptions import NotConnected
from ranking.stats.mos import Ratings, mean_opinion_scores
from ranking.stats.position import wilson
from ranking.stats.ranks import rank


def comparisons(rows: list[tuple[int, int, int, int]], systems: int) -> Comparisons:
    """Rows of (rater, a, b, outcome)."""
    columns = np.array(rows, dtype=np.int64).T
    return Comparisons(
        systems=systems,
        raters=int(columns[0].max()) + 1,
        rater=columns[0],
        a=columns[1],
        b=columns[2],
        outcome=columns[3],
        count=np.ones(len(rows), dtype=np.int64),
    )


def test_two_systems_have_the_closed_form():
    fit = fit_bradley_terry(np.array([[0, 30.0], [10, 0]]))
    assert fit.strengths[0] - fit.strengths[1] == pytest.approx(np.log(3), abs=1e-12)
    assert fit.gradient_norm < GRADIENT_TOLERANCE
    assert win_rates(fit.strengths) == pytest.approx([0.75, 0.25])


def test_known_strengths_are_recovered():
    true = np.array([0.8, 0.1, -0.2, -0.7])
    expected = 1e6 * win_probabilities(true)
    np.fill_diagonal(expected, 0)
    assert fit_bradley_terry(expected).strengths == pytest.approx(true - true.mean(), abs=1e-9)


def test_the_citations_of_four_journals_give_the_published_coefficients(shared_data):
    """Stigler (1994), as in Agresti (2002): cited journals win."""
    with (shared_data / "classic_bt" / "citations.csv").open() as file:
        rows = list(csv.reader(file))
    body = [row for row in rows if len(row) >= 3]
    numbers = np.array(
        [[float(v) for v in row[-4:]] for row in body if row[-1].replace(".", "").isdigit()]
    )
    np.fill_diagonal(numbers, 0)
    strengths = fit_bradley_terry(numbers).strengths
    difference = sorted(strengths[1:] - strengths[0])
    published = sorted([-2.94907, -0.47957, 0.26895])
    turned = sorted(strengths[0] - strengths[1:])
    assert difference == pytest.approx(published, abs=1e-5) or turned == pytest.approx(
        published, abs=1e-5
    )


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


def test_systems_that_were_never_compared_are_not_put_on_one_scale():
    wins = np.zeros((4, 4))
    wins[0, 1] = wins[1, 0] = wins[2, 3] = wins[3, 2] = 5
    assert [list(group) for group in groups(wins)] == [[0, 1], [2, 3]]
    with pytest.raises(NotConnected):
        fit_bradley_terry(wins)


def test_a_system_that_always_wins_is_held_by_the_prior_and_said_to_be():
    wins = np.array([[0, 8.0, 8.0], [0, 0, 4.0], [0, 4.0, 0]])
    assert is_separated(wins)
    fit = fit_bradley_terry(wins)
    assert fit.is_separated
    assert np.isfinite(fit.strengths).all()
    assert fit.strengths[0] == fit.strengths.max()


def test_a_tie_and_a_both_bad_are_half_a_win_each_and_are_counted_apart():
    rows = [(0, 0, 1, A_WINS), (0, 0, 1, B_WINS), (1, 1, 0, A_WINS)]
    data = comparisons([*rows, (1, 0, 1, TIE), (1, 1, 0, BOTH_BAD)], systems=2)
    assert data.wins().tolist() == [[0, 1], [2, 0]]
    assert data.ties().tolist() == data.both_bad().tolist() == [[0, 1], [1, 0]]
    assert data.half_wins().tolist() == [[0, 2], [3, 0]]


def simulated(rng: np.random.Generator, *, raters: int, each: int, spread: float) -> Comparisons:
    """Two systems of equal strength; every rater has a taste of their own."""
    taste = rng.normal(0, spread, raters)
    rows = [
        (r, 0, 1, A_WINS if rng.random() < expit(taste[r]) else B_WINS)
        for r in range(raters)
        for _ in range(each)
    ]
    return comparisons(rows, systems=2)


def test_the_interval_covers_the_truth_when_raters_have_tastes():
    """Nominal 95 %; an interval that took judgments as independent would cover far less."""
    rng = np.random.default_rng(5)
    covered = naive = 0
    studies = 300
    for _ in range(studies):
        data = simulated(rng, raters=40, each=10, spread=1.0)
        fit = fit_bradley_terry(data.half_wins())
        draws = bootstrap_strengths(data, fit, rng=rng, resamples=300)
        low, high = interval(win_rates(fit.strengths), win_rates(draws), raters=40)
        covered += low[0] <= 0.5 <= high[0]
        share = wilson(int(data.wins()[0, 1]), 400)
        naive += share.low <= 0.5 <= share.high
    # Three standard errors of a proportion over so many studies.
    assert abs(covered / studies - 0.95) < 3 * (0.95 * 0.05 / studies) ** 0.5
    assert naive / studies < 0.85


def test_ranks_are_ranges_from_simultaneous_intervals():
    rng = np.random.default_rng(1)
    values = np.array([2.0, 0.05, 0.0, -2.0])
    draws = values + rng.normal(0, 0.1, (2000, 4))
    found = rank(values, draws, raters=100)
    assert found.rank.tolist() == [1, 2, 3, 4]
    assert list(zip(found.low, found.high, strict=True)) == [(1, 1), (2, 3), (2, 3), (4, 4)]
    unknown = rank(values, None, raters=1)
    assert unknown.low.tolist() == [1] * 4
    assert unknown.high.tolist() == [4] * 4


def test_the_codings_of_the_textbook_give_its_alphas(shared_data):
    """Krippendorff: 4 raters, 12 units, gaps; nominal 0.743, interval 0.849."""
    with (shared_data / "krippendorff" / "codings.csv").open() as file:
        raters = [[float(v) if v else None for v in row] for row in csv.reader(file)]
    units = list(zip(*raters, strict=True))
    values = np.arange(1.0, 6.0)
    counts = np.array([[unit.count(v) for v in values] for unit in units], dtype=float)
    for distance, published in ((nominal, 0.743), (interval_metric, 0.849)):
        alpha = krippendorff_alpha(counts, distance(values), rng=np.random.default_rng(0))
        assert alpha.value == pytest.approx(published, abs=6e-4)
        assert alpha.low < alpha.value < alpha.high


def test_alpha_is_none_where_it_means_nothing():
    values = np.arange(3.0)
    assert krippendorff_alpha(np.eye(3), nominal(values)) is None
    assert krippendorff_alpha(np.array([[3.0, 0, 0]] * 4), nominal(values)) is None


def ratings(scores: np.ndarray) -> Ratings:
    """One system; `scores[rater]` lists what each rater gave."""
    cells = [(r, s) for r, given in enumerate(scores) for s in given]
    return Ratings(
        systems=1,
        raters=len(scores),
        rater=np.array([c[0] for c in cells]),
        system=np.zeros(len(cells), dtype=int),
        score=np.array([c[1] for c in cells]),
        count=np.ones(len(cells), dtype=int),
    )


def test_the_mos_of_a_published_data_set(shared_data):
    """Netflix public data set: 79 clips, 26 raters; MOS[0] 4.8846, MOS[10] 2.0769."""
    with (shared_data / "sureal_nflx" / "nflx_ratings.csv").open() as file:
        rows = list(csv.DictReader(file))
    raters = [name for name in rows[0] if name.startswith("s")]
    cells = [(r, s, int(row[n])) for s, row in enumerate(rows) for r, n in enumerate(raters)]
    columns = np.array(cells).T
    found = mean_opinion_scores(
        Ratings(
            systems=len(rows),
            raters=len(raters),
            rater=columns[0],
            system=columns[1],
            score=columns[2],
            count=np.ones(len(cells), dtype=int),
        )
    )
    assert found.mean[0] == pytest.approx(4.884615384615385)
    assert found.mean[10] == pytest.approx(2.0769230769230771)
    assert found.mean.mean() == pytest.approx(3.544790652385589)
    widths = np.array(found.high) - found.mean
    errors = widths / student.ppf(0.975, 25)
    assert errors.mean() == pytest.approx(0.12986637295658307, abs=1e-9)


def test_a_mos_interval_takes_raters_as_the_unit():
    alone = mean_opinion_scores(ratings([[1], [2], [3], [4], [5], [3]]))
    doubled = mean_opinion_scores(ratings([[s, s] for s in (1, 2, 3, 4, 5, 3)]))
    assert doubled.low == pytest.approx(alone.low)  # asking a rater twice is no new rater
    assert mean_opinion_scores(ratings([[4, 5]])).low == [None]


def test_wilson_is_the_published_interval():
    """Newcombe (1998), table I: 81 of 263."""
    share = wilson(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None


def test_the_logit_of_a_win_rate_is_the_difference():
    fit = fit_bradley_terry(np.array([[0, 7.0], [3, 0]]))
    assert logit(win_rates(fit.strengths)[0]) == pytest.approx(fit.strengths[0] - fit.strengths[1])
