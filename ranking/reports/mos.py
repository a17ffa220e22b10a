"""The MOS part of a report: means, intervals, distributions, ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ranking.comparisons import StudyCells, ratings
from ranking.reports.options import Options
from ranking.stats.counts import Ints
from ranking.stats.mos import Ratings, mean_opinion_scores
from ranking.stats.ranks import unknown_ranks

Row = dict[str, Any]


def mos_standings(cells: StudyCells, options: Options, *, with_excluded: bool = False) -> list[Row]:
    """Return the standings alone, best first; a system without judgments has none."""
    data = ratings(cells.people(part=options.part, with_excluded=with_excluded))
    judged = np.flatnonzero(data.distribution().sum(axis=1))
    if len(judged) == 0:
        return []
    part = _restricted(data, judged)
    means = mean_opinion_scores(part, level=options.level)
    ranks = unknown_ranks(means.mean)
    distribution = part.distribution()
    rows = [
        {
            "system": cells.systems[s].slug,
            "name": cells.systems[s].name,
            "group": 0,
            "rank": int(ranks.rank[i]),
            "rank_low": int(ranks.low[i]),
            "rank_high": int(ranks.high[i]),
            "mos": float(means.mean[i]),
            "mos_low": means.low[i],
            "mos_high": means.high[i],
            "sd": means.sd[i],
            "judgments": int(means.judgments[i]),
            "distribution": distribution[i].tolist(),
        }
        for i, s in enumerate(judged)
    ]
    return sorted(rows, key=lambda row: (row["rank"], row["name"]))


def mos_part(cells: StudyCells, options: Options) -> Row:
    """Rank the systems that were judged by their mean scores."""
    standings = mos_standings(cells, options)
    return {
        "method": {
            "model": "mean opinion score",
            "scale": "absolute category rating, 1 to 5 (ITU-T P.800)",
            "interval": "t, clustered by rater (raters minus one degrees of freedom)",
            "quantile": "t",
            "ranks": "simultaneous intervals of all differences",
            "level": options.level,
            "seed": options.seed,
            "slice": options.part.in_words(),
        },
        "standings": standings,
        "groups": [[row["system"] for row in standings]] if standings else [],
        "warnings": [],
    }


def _restricted(data: Ratings, systems: Ints) -> Ratings:
    number = np.full(data.systems, -1)
    number[systems] = np.arange(len(systems))
    return replace(data, systems=len(systems), system=number[data.system])
