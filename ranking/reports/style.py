"""Win rates at equal length and style: raw and adjusted side by side."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from generation.models import Output
from ranking.comparisons import StudyCells, comparisons
from ranking.reports.groups import Group
from ranking.reports.options import Options
from ranking.stats.counts import Comparisons, Floats
from ranking.stats.covariates import fit_with_covariates, left_right, standardised
from ranking.stats.exceptions import StatisticsError
from ranking.stats.intervals import contrast_intervals, win_rate_intervals
from ranking.stats.sandwich import sandwich

Row = dict[str, Any]

_FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
_PATTERNS = {
    "headers": re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE),
    "list entries": re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s", re.MULTILINE),
    "bold": re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
}
FEATURES = ("length", *_PATTERNS, "code blocks")
COVARIATES = (*FEATURES, "left side")


def style_features(text: str) -> list[float]:
    """Return length in words, headers, list entries, bold passages and code blocks."""
    counted = [len(pattern.findall(text)) for pattern in _PATTERNS.values()]
    return [float(n) for n in (len(text.split()), *counted, len(_FENCE.findall(text)) // 2)]


def adjusted_row(cells: StudyCells, group: Group, options: Options) -> Row | None:
    """Fit length, style and position beside the systems; predict at no difference in any.

    A feature enters as (a - b) / (a + b), which keeps long outputs from ruling, divided by its
    standard deviation. None where outputs are missing or nothing can be told apart.
    """
    data = comparisons(cells.people(part=options.part))
    inside = np.isin(data.a, group.place) & np.isin(data.b, group.place)
    columns = _differences(data.only(inside), _features(cells))
    if np.isnan(columns).any():
        return None
    part = group.weighted
    design = np.column_stack([columns, left_right(part)])
    varying = np.flatnonzero(design.any(axis=0))
    scaled = standardised(design[:, varying], part.count)
    try:
        fit = fit_with_covariates(part, scaled)
        cov = sandwich(fit, part)
    except StatisticsError:
        return None
    rng = np.random.default_rng(options.seed)
    ends = win_rate_intervals(fit, cov, level=options.level, rng=rng)
    contrasts = np.eye(fit.parameters)[fit.systems :]
    effects = contrast_intervals(fit.coefficients, contrasts, cov, level=options.level, rng=rng)
    return {
        "win_rates": [
            {
                "system": system.slug,
                "name": system.name,
                "raw": float(group.fit.win_rates[i]),
                "adjusted": float(fit.win_rates[i]),
                "low": float(ends.low[i]),
                "high": float(ends.high[i]),
            }
            for i, system in enumerate(group.systems)
        ],
        "effects": [
            {
                "name": COVARIATES[column],
                "log_odds": float(fit.coefficients[k]),
                "low": float(effects.low[k]),
                "high": float(effects.high[k]),
            }
            for k, column in enumerate(varying)
        ],
    }


def _features(cells: StudyCells) -> Floats:
    """Return [prompt, system, feature] of the study's outputs, NaN where there is none."""
    prompts = {pk: i for i, pk in enumerate(cells.everything.prompts)}
    systems = {pk: i for i, pk in enumerate(cells.everything.systems)}
    outputs = Output.objects.done().filter(
        prompt__prompt_set=cells.study.prompt_set, system__in=systems, sample=cells.study.sample
    )
    table = np.full((len(prompts), len(systems), len(FEATURES)), np.nan)
    rows = outputs.order_by().values_list("prompt", "system", "text")
    for prompt, system, text in rows.iterator(chunk_size=1000):
        if prompt in prompts:
            table[prompts[prompt], systems[system]] = style_features(text)
    return table


def _differences(data: Comparisons, features: Floats) -> Floats:
    a, b = features[data.prompt, data.a], features[data.prompt, data.b]
    total = a + b
    return np.asarray(np.divide(a - b, total, out=np.zeros_like(total), where=total != 0))
