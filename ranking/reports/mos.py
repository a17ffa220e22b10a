"""The part of a report that comes from scores of single outputs: means, intervals, ranks."""

from __future__ import annotations

from typing import Any

from annotation.protocols import protocol_of
from annotation.protocols.likert import Likert
from annotation.protocols.mushra import Mushra
from annotation.protocols.options import Criterion
from ranking.comparisons import StudyCells
from ranking.reports.agreement import criterion_agreement
from ranking.reports.fit_rows import best_first, ground, lone_rater_row, place_row
from ranking.reports.measures import Measure, measure_for, measure_of_criterion, stored
from ranking.reports.mos_details import difference_rows, ordinal_row, rater_rows
from ranking.reports.mos_fit import MosFit, fitted_mos
from ranking.reports.options import Options
from ranking.reports.scores import Scores, extra_scores, scores_by, scores_of
from ranking.stats.intervals import FEW_RATERS

Row = dict[str, Any]

SCALES = {
    "mos": "absolute category rating, 1 to 5 (ITU-T P.800)",
    "dcr": "degradation category rating, 1 to 5 (ITU-T P.800, annex D)",
    "mushra": "continuous quality, 0 to 100 (ITU-R BS.1534-3)",
    "likert": "percent of each criterion's scale, criteria weighing the same; each criterion has "
    "its own table on its own scale",
}


def mos_standings(cells: StudyCells, options: Options, *, with_excluded: bool = False) -> list[Row]:
    """Return the standings alone, best first; a system without judgments has none."""
    fit = fitted_mos(cells, scores_of(cells, options, with_excluded=with_excluded), options)
    return _standings(fit) if fit else []


def mos_part(cells: StudyCells, options: Options) -> Row:
    """Return all of a report that comes from scores."""
    protocol, measure = protocol_of(cells.study), measure_for(cells.study)
    found = scores_of(cells, options)
    fit = fitted_mos(cells, found, options)
    part = {
        "method": {**_method(fit, options), "scale": _scale(cells.study.protocol, measure)},
        **_of_scores(fit, found, measure, options),
        "ordinal": ordinal_row(fit, options) if fit else None,
        "raters": rater_rows(fit) if fit else [],
        "no_correction": fit.bias_reason if fit else "",
        "warnings": _warnings(fit) if fit else [],
    }
    if isinstance(protocol, Likert):
        part["criteria"] = [
            _criterion(cells, options, number, criterion)
            for number, criterion in enumerate(protocol.criteria)
        ]
    if isinstance(protocol, Mushra):
        part["apart"] = _apart(cells, options, protocol.extras)
    return part


def _scale(name: str, measure: Measure) -> str:
    return SCALES.get(name, f"{measure.low:g} to {measure.high:g}")


def _of_scores(fit: MosFit | None, found: Scores, measure: Measure, options: Options) -> Row:
    standings = _standings(fit) if fit else []
    return {
        "measure": stored(measure),
        "bins": found.bins,
        "standings": standings,
        "groups": [[row["system"] for row in standings]] if standings else [],
        "differences": difference_rows(fit, options) if fit else [],
    }


def _criterion(cells: StudyCells, options: Options, number: int, criterion: Criterion) -> Row:
    """Return what one criterion says, on its own scale."""
    found = scores_by(cells, options, number, len(criterion.words))
    fit = fitted_mos(cells, found, options)
    return {
        "key": criterion.key,
        "label": criterion.label,
        "words": list(criterion.words),
        **_of_scores(fit, found, measure_of_criterion(criterion), options),
        **criterion_agreement(cells, options, number, points=len(criterion.words)),
    }


def _apart(cells: StudyCells, options: Options, labels: tuple[str, ...]) -> list[Row]:
    """Return what raters gave to places that are no system's: never ranked with the systems."""
    rows = []
    for number, label in enumerate(labels):
        found = extra_scores(cells, options, number)
        fit = fitted_mos(cells, found, options)
        if fit is None:
            continue
        row = _standing(fit, 0)
        kept = ("mos", "mos_low", "mos_high", "mos_se", "sd", "judgments", "raters", "distribution")
        rows.append({"label": label, **{key: row[key] for key in kept}})
    return rows


def _standings(fit: MosFit) -> list[Row]:
    return best_first(_standing(fit, i) for i in range(len(fit.systems)))


def _standing(fit: MosFit, i: int) -> Row:
    scores = fit.scores
    shown = {} if fit.distribution is None else {"distribution": fit.distribution[i].tolist()}
    return {
        **place_row(fit.systems, scores.ranks, i),
        "mos": float(scores.mean[i]),
        "mos_low": scores.low[i],
        "mos_high": scores.high[i],
        "mos_se": scores.error[i],
        "mos_corrected": None if fit.bias is None else float(fit.bias.mean[i]),
        "sd": scores.sd[i],
        "judgments": int(fit.judgments[i]),
        "raters": int(scores.found.raters[i]),
        **shown,
        **lone_rater_row(fit.shifts, i),
    }


def _method(fit: MosFit | None, options: Options) -> Row:
    cov = fit.scores.found.cov if fit else None
    interval = "clustered by rater"
    quantile = "t, raters minus one degrees of freedom"
    if cov and cov.is_two_way:
        interval = "clustered by rater and by prompt, two-way"
        quantile = "t, degrees of freedom after Satterthwaite"
    if cov and cov.raters < FEW_RATERS:
        quantile += ", at least what the wild score bootstrap by rater reaches"
    return {
        "model": "mean opinion score",
        "interval": interval,
        "quantile": quantile,
        "ranks": "simultaneous intervals of all differences (largest |t|, stepping down)",
        "corrected": "rater bias and consistency by alternating projection (ITU-T P.913, 12.6)",
        "differences": "paired by prompt, clustered by rater and prompt, p-values after Holm",
        **ground(options),
    }


def _warnings(fit: MosFit) -> list[str]:
    warnings = []
    alike = [fit.systems[i].name for i in fit.scores.unanimous]
    if alike:
        warnings.append(
            f"All judgments are the same score for {', '.join(alike)}: nothing varies, so the "
            "interval is what so few raters could have missed."
        )
    alone = [
        system.name
        for system, raters in zip(fit.systems, fit.scores.found.raters, strict=True)
        if raters == 1
    ]
    if alone and fit.shifts is not None:
        warnings.append(f"Judged by one rater only, so without an interval: {', '.join(alone)}.")
    return warnings
