"""Ratings for tests: from plain tables, and simulated with raters and prompts that differ."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from ranking.stats.counts import Floats
from ranking.stats.ratings import SCORES, Ratings


def ratings(rows: list[tuple[int, int, int, int]]) -> Ratings:
    """Rows of (rater, prompt, system, score), one judgment each."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Ratings(
        systems=int(columns[2].max(initial=-1)) + 1,
        raters=int(columns[0].max(initial=-1)) + 1,
        prompts=int(columns[1].max(initial=-1)) + 1,
        rater=columns[0],
        prompt=columns[1],
        system=columns[2],
        score=columns[3],
        count=np.ones(len(rows), dtype=np.int64),
    )


def of_table(table: Floats) -> Ratings:
    """Scores [system, rater] on one prompt; NaN where a rater gave none."""
    system, rater = np.nonzero(~np.isnan(table))
    scores = table[system, rater].astype(int)
    return ratings(
        [(int(r), 0, int(s), int(x)) for r, s, x in zip(rater, system, scores, strict=True)]
    )


def simulated(
    rng: np.random.Generator,
    quality: Floats,
    *,
    raters: int,
    prompts: int,
    share: float = 1.0,
    bias: float = 0.0,
    taste: float = 0.0,
    difficulty: float = 0.0,
    fit: float = 0.0,
    noise: float = 0.7,
) -> Ratings:
    """Rounded normal scores of a share of all tasks by each rater.

    Standard deviations: `bias` of raters, `taste` of a rater for a system, `difficulty` of
    prompts, `fit` of a system to a prompt, `noise` of single judgments.
    """
    systems = len(quality)
    chosen = rng.random((raters, prompts, systems)) < share
    latent = (
        quality
        + rng.normal(0, bias, (raters, 1, 1))
        + rng.normal(0, taste, (raters, 1, systems))
        + rng.normal(0, difficulty, (1, prompts, 1))
        + rng.normal(0, fit, (1, prompts, systems))
        + rng.normal(0, noise, (raters, prompts, systems))
    )
    scores = np.clip(np.rint(latent), 1, SCORES).astype(int)
    rater, prompt, system = np.nonzero(chosen)
    return Ratings(
        systems=systems,
        raters=raters,
        prompts=prompts,
        rater=rater,
        prompt=prompt,
        system=system,
        score=scores[chosen],
        count=np.ones(len(rater), dtype=np.int64),
    )


def expected_scores(quality: Floats, *spreads: float) -> Floats:
    """What `simulated` gives on average, from the normal distribution of its latent scores."""
    spread = float(np.sqrt(sum(s**2 for s in spreads)))
    above = norm.sf((np.arange(1, SCORES) + 0.5 - quality[:, None]) / spread)
    return np.asarray(1 + above.sum(axis=1))
