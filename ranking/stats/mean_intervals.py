"""How far means, and differences of means, may be from the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ranking.stats.counts import Floats, Ints
from ranking.stats.intervals import FEW_RATERS, wild_ratios, wild_weights
from ranking.stats.means import ClusteredMeans
from ranking.stats.ratings import Scale
from ranking.stats.sandwich import Sandwich

#: A standard error below that is none.
NOTHING = 1e-9


def student_reach(degrees: Floats | float, level: float) -> Floats:
    """Return how many standard errors a two-sided t interval reaches to each side."""
    return np.asarray(student.ppf((1 + level) / 2, degrees))


def degrees_of_freedom(by_rater: Floats, beyond: Floats, raters: Ints, prompts: Ints) -> Floats:
    """Return those of a variance in two parts (Satterthwaite, 1946), element by element.

    They are raters minus one where prompts add nothing, and never below the fewer of both
    minus one.
    """
    of_raters, of_prompts = np.maximum(raters - 1, 1), np.maximum(prompts - 1, 1)
    spread = by_rater**2 / of_raters + beyond**2 / of_prompts
    both = (by_rater + beyond) ** 2 / np.where(spread > 0, spread, 1.0)
    return np.where(spread > 0, both, of_raters)


def unanimous_reach(room: Floats, raters: Ints, level: float) -> Floats:
    """Return how far a mean may lie from where all raters put it alike.

    `room` is how far one rater could lie at most. Of `raters` who were all alike, a share of
    others above 1 - (1 - level)^(1 / raters) would have shown (Clopper and Pearson, 1934).
    """
    return np.asarray(room * (1 - (1 - level) ** (1 / np.maximum(raters, 1))))


def room_of_means(mean: Floats, scale: Scale) -> Floats:
    """Return how far a score can be from each mean."""
    return np.maximum(mean - scale.low, scale.high - mean)


def room_of_differences(difference: Floats, scale: Scale) -> Floats:
    """Return how far a difference of two scores can be from each difference of means."""
    return scale.high - scale.low + np.abs(difference)


@dataclass(frozen=True, kw_only=True)
class Contrasts:
    """Sums or differences of means, [k] each: their errors, and how many make an interval."""

    error: Floats
    reach: Floats
    degrees: Floats
    #: Of those that few raters judged: |t| under the wild bootstrap, on the scale of `error`.
    drawn: dict[int, Floats]

    @property
    def half_width(self) -> Floats:
        return self.error * self.reach

    def tails(self, values: Floats) -> Floats:
        """Return how likely values so far from zero would be if they were zero, [k]."""
        ratio = np.abs(values) / self.error
        tails = np.asarray(2 * student.sf(ratio, self.degrees))
        for k, drawn in self.drawn.items():
            tails[k] = max(tails[k], (1 + (drawn >= ratio[k]).sum()) / (1 + len(drawn)))
        return tails


def contrasts(
    found: ClusteredMeans,
    cov: Sandwich,
    matrix: Floats,
    room: Floats,
    *,
    level: float,
    rng: np.random.Generator,
) -> Contrasts:
    """Return the errors of `matrix @ means` for `matrix` [k, systems], and their reach.

    By t; below 15 raters longer by what the wild bootstrap finds beyond t. Where nothing varies
    between raters the error is what would be missed by chance; `room` [k] as there.
    """
    part_of = matrix != 0
    raters = np.where(part_of, found.raters, np.iinfo(np.int64).max).min(axis=1)
    prompts = np.where(part_of, found.prompts, np.iinfo(np.int64).max).min(axis=1)
    by_rater = np.einsum("ks,st,kt->k", matrix, cov.by_rater, matrix)
    beyond = np.maximum(np.einsum("ks,st,kt->k", matrix, cov.beyond_raters, matrix), 0)
    error = np.sqrt(np.maximum(by_rater, 0) + beyond)
    degrees = degrees_of_freedom(by_rater, beyond, raters, prompts)
    reach = student_reach(degrees, level)
    silent = error < NOTHING
    error = np.where(silent, unanimous_reach(room, raters, level) / reach, error)
    drawn = _wild(found, cov, matrix, np.flatnonzero((raters < FEW_RATERS) & ~silent), rng)
    for k, ratios in drawn.items():
        of_raters = student_reach(raters[k] - 1, level)
        ratios *= reach[k] / of_raters
        reach[k] = max(reach[k], np.quantile(ratios, level))
    return Contrasts(error=error, reach=reach, degrees=degrees, drawn=drawn)


def _wild(
    found: ClusteredMeans, cov: Sandwich, matrix: Floats, chosen: Ints, rng: np.random.Generator
) -> dict[int, Floats]:
    """Return |t| of the chosen contrasts in random draws, where two raters or more judged.

    Parts are sorted, so that the numbering of raters leaves the draws as they are.
    """
    weights = wild_weights(len(cov.influence), rng) if len(chosen) else np.zeros((1, 0))
    drawn = {}
    for k in chosen:
        inside = found.judged[:, matrix[k] != 0].any(axis=1)
        if inside.sum() > 1:
            parts = np.sort(cov.influence[inside] @ matrix[k])[None]
            drawn[int(k)] = wild_ratios(parts, weights[:, : inside.sum()])[:, 0]
    return drawn
