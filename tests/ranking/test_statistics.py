"""Agreement and mean opinion scores against closed forms and published figures."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from scipy.stats import t as student

from ranking.stats.agreement import interval_metric, krippendorff_alpha, nominal
from ranking.stats.mos import Ratings, mean_opinion_scores


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
        prompts=1,
        prompt=np.zeros(len(cells), dtype=int),
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
            prompts=1,
            prompt=np.zeros(len(cells), dtype=int),
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
