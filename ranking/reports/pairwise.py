"""The pairwise part of a report: strengths, win rates, ranks, pairs, position."""

from __future__ import annotations

from typing import Any

import choix
import numpy as np

from annotation.models import Study
from generation.models import System
from ranking.comparisons import PairwiseData, pairwise_data
from ranking.stats.bootstrap import RESAMPLES, bootstrap_strengths, interval
from ranking.stats.bradley_terry import fit_bradley_terry, win_probabilities, win_rates
from ranking.stats.connectivity import groups
from ranking.stats.counts import Comparisons, Floats, Ints
from ranking.stats.position import wilson
from ranking.stats.ranks import rank

Row = dict[str, Any]


def pairwise_part(study: Study, *, seed: int, level: float, with_excluded: bool) -> Row:
    """Fit each connected group by itself; a system without judgments has no standing."""
    data = pairwise_data(study, with_excluded=with_excluded)
    rng = np.random.default_rng(seed)
    standings: list[Row] = []
    warnings: list[str] = []
    probabilities = np.full((len(data.systems),) * 2, np.nan)
    named: list[list[str]] = []
    compared = [g for g in groups(data.comparisons.half_wins()) if len(g) > 1]
    for number, group in enumerate(compared):
        named.append([data.systems[i].slug for i in group])
        rows, fitted, warning = _group(data, group, rng, level)
        probabilities[np.ix_(group, group)] = fitted
        standings += [{**row, "group": number} for row in rows]
        warnings += warning
    if len(compared) > 1:
        warnings.append(
            f"The systems fall into {len(compared)} groups that were never compared with each "
            "other. Each has a table of its own; ranks do not carry over."
        )
    return {
        "method": {
            "model": "bradley-terry",
            "ties": "half",
            "solver": f"choix {choix.__version__ if hasattr(choix, '__version__') else '0.4'}, "
            "dense I-LSR, then Newton to a gradient norm below 1e-8",
            "interval": f"rater-clustered Bayesian bootstrap, {RESAMPLES} resamples; t on the "
            "logit scale, raters minus one degrees of freedom",
            "ranks": "simultaneous intervals of all differences (largest |z|)",
            "level": level,
            "seed": seed,
        },
        "standings": standings,
        "pairs": _pairs(data.comparisons, data.systems, probabilities),
        "position": _position(data, level),
        "groups": named,
        "warnings": warnings,
    }


def _group(
    data: PairwiseData, group: Ints, rng: np.random.Generator, level: float
) -> tuple[list[Row], Floats, list[str]]:
    """Return the standings of one group, best first, its win probabilities, and warnings."""
    comparisons = data.comparisons.restricted_to(group)
    fit = fit_bradley_terry(comparisons.half_wins())
    rates = win_rates(fit.strengths)
    raters = len(np.unique(comparisons.rater))
    draws = bootstrap_strengths(comparisons, fit, rng=rng) if raters > 1 else None
    ranks = rank(fit.strengths, draws, raters=raters, level=level)
    low = high = None
    if draws is not None:
        low, high = interval(rates, win_rates(draws), raters=raters, level=level)
    tallies = _tallies(comparisons)
    rows = [
        {
            "system": data.systems[g].slug,
            "name": data.systems[g].name,
            "rank": int(ranks.rank[i]),
            "rank_low": int(ranks.low[i]),
            "rank_high": int(ranks.high[i]),
            "strength": float(fit.strengths[i]),
            "strength_se": None if draws is None else float(draws[:, i].std(ddof=1)),
            "win_rate": float(rates[i]),
            "win_rate_low": None if low is None else float(low[i]),
            "win_rate_high": None if high is None else float(high[i]),
            **{name: int(values[i]) for name, values in tallies.items()},
        }
        for i, g in enumerate(group)
    ]
    rows.sort(key=lambda row: (row["rank"], row["name"]))
    warnings = []
    if fit.is_separated:
        warnings.append(
            "Some systems never lost to the others, or never won: no finite estimate exists, and "
            "a normal prior (standard deviation 1.5) holds the strengths. Ask for more judgments."
        )
    return rows, win_probabilities(fit.strengths), warnings


def _tallies(comparisons: Comparisons) -> dict[str, Floats]:
    wins, ties, bad = comparisons.wins(), comparisons.ties(), comparisons.both_bad()
    return {
        "judgments": (wins + wins.T + ties + bad).sum(axis=1),
        "wins": wins.sum(axis=1),
        "losses": wins.sum(axis=0),
        "ties": ties.sum(axis=1),
        "both_bad": bad.sum(axis=1),
    }


def _pairs(comparisons: Comparisons, systems: list[System], probabilities: Floats) -> list[Row]:
    wins, ties, bad = comparisons.wins(), comparisons.ties(), comparisons.both_bad()
    met = wins + wins.T + ties + bad
    return [
        {
            "a": systems[i].slug,
            "b": systems[j].slug,
            "judgments": int(met[i, j]),
            "a_wins": int(wins[i, j]),
            "b_wins": int(wins[j, i]),
            "ties": int(ties[i, j]),
            "both_bad": int(bad[i, j]),
            "p_a": float(probabilities[i, j]),
        }
        for i, j in zip(*np.nonzero(np.triu(met)), strict=True)
    ]


def _position(data: PairwiseData, level: float) -> Row | None:
    share = wilson(data.left_won, data.sided, level=level)
    if share is None:
        return None
    return {
        "left_win_rate": share.value,
        "low": share.low,
        "high": share.high,
        "judgments": data.sided,
    }
