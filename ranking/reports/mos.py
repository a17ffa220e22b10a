"""The MOS part of a report: means, intervals, distributions, ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.models import Study
from ranking.comparisons import mos_data
from ranking.stats.bootstrap import RESAMPLES, rater_weights
from ranking.stats.counts import Ints
from ranking.stats.mos import Ratings, mean_opinion_scores, resampled_means
from ranking.stats.ranks import rank

Row = dict[str, Any]


def mos_part(study: Study, *, seed: int, level: float, with_excluded: bool) -> Row:
    """Rank the systems that were judged by their mean scores."""
    data = mos_data(study, with_excluded=with_excluded)
    judged = np.flatnonzero(data.ratings.distribution().sum(axis=1))
    standings: list[Row] = []
    if len(judged):
        ratings = _restricted(data.ratings, judged)
        means = mean_opinion_scores(ratings, level=level)
        draws = None
        if ratings.raters > 1:
            rng = np.random.default_rng(seed)
            weights = rater_weights(ratings.raters, resamples=RESAMPLES, rng=rng)
            draws = resampled_means(ratings, weights)
        ranks = rank(means.mean, draws, raters=ratings.raters, level=level)
        distribution = ratings.distribution()
        standings = [
            {
                "system": data.systems[s].slug,
                "name": data.systems[s].name,
                "rank": int(ranks.rank[i]),
                "rank_low": int(ranks.low[i]),
                "rank_high": int(ranks.high[i]),
                "mos": float(means.mean[i]),
                "mos_low": means.low[i],
                "mos_high": means.high[i],
                "sd": means.sd[i],
                "judgments": int(means.judgments[i]),
                "distribution": distribution[i].tolist(),
                "group": 0,
            }
            for i, s in enumerate(judged)
        ]
        standings.sort(key=lambda row: (row["rank"], row["name"]))
    return {
        "method": {
            "model": "mean opinion score",
            "scale": "absolute category rating, 1 to 5 (ITU-T P.800)",
            "interval": "t, clustered by rater (raters minus one degrees of freedom)",
            "ranks": f"simultaneous intervals of all differences, {RESAMPLES} resamples of raters",
            "level": level,
            "seed": seed,
        },
        "standings": standings,
        "groups": [[row["system"] for row in standings]] if standings else [],
        "warnings": [],
    }


def _restricted(ratings: Ratings, systems: Ints) -> Ratings:
    number = np.full(ratings.systems, -1)
    number[systems] = np.arange(len(systems))
    return Ratings(
        systems=len(systems),
        raters=ratings.raters,
        rater=ratings.rater,
        system=number[ratings.system],
        score=ratings.score,
        count=ratings.count,
    )
