"""The report as one dictionary: what the page, the exports and stored leaderboards are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Count
from django.utils.timezone import now

from annotation.models import Study
from ranking.comparisons import counted, repeats, value_counts
from ranking.reports.benchmarks import benchmark_rows
from ranking.reports.mos import mos_part
from ranking.reports.pairwise import pairwise_part
from ranking.reports.words import headline, method_in_words
from ranking.stats.agreement import interval_metric, krippendorff_alpha, nominal

LEVEL = 0.95
#: Intervals from fewer raters than that are shown with a warning.
FEW_RATERS = 15

Report = dict[str, Any]


def build_report(study: Study, *, seed: int = 0) -> Report:
    """Fit the study's judgments and say all that is known, in the form of DESIGN section 6."""
    part = pairwise_part if study.protocol == Study.Protocol.PAIRWISE else mos_part
    fitted = part(study, seed=seed, level=LEVEL, with_excluded=False)
    exclusions = _exclusions(study)
    report: Report = {
        "study": study.slug,
        "name": study.name,
        "question": study.question,
        "protocol": study.protocol,
        "state": study.state,
        "plan_hash": study.plan_hash,
        "prompt_set": study.prompt_set.slug,
        "generated_at": now().isoformat(timespec="seconds"),
        "evalsite_version": settings.EVALSITE_VERSION,
        "counts": _counts(study),
        **fitted,
        "agreement": _agreement(study, seed),
        "exclusions": exclusions,
        "withdrawn": list(
            study.study_systems.exclude(withdrawn_at=None).values_list("system__slug", flat=True)
        ),
        "benchmarks": benchmark_rows(study),
    }
    if exclusions:
        everything = part(study, seed=seed, level=LEVEL, with_excluded=True)
        report["standings_with_excluded"] = everything["standings"]
    report["warnings"] = _warnings(report)
    report["headline"] = headline(report)
    report["method_in_words"] = method_in_words(report)
    return report


def _counts(study: Study) -> dict[str, int]:
    judgments = counted(study)
    by_verdict = dict(judgments.values_list("verdict").annotate(count=Count("pk")))
    total = sum(by_verdict.values())
    return {
        "judgments": total,
        "raters": judgments.values("rater").distinct().count(),
        "prompts": judgments.values("task__prompt").distinct().count(),
        "excluded": counted(study, with_excluded=True).count() - total,
        "repeats": repeats(study),
        "ties": by_verdict.get("tie", 0),
        "both_bad": by_verdict.get("both_bad", 0),
    }


def _agreement(study: Study, seed: int) -> dict[str, Any] | None:
    table = value_counts(study)
    places = np.arange(table.shape[1], dtype=float)
    is_pairwise = study.protocol == Study.Protocol.PAIRWISE
    distance = nominal(places) if is_pairwise else interval_metric(places)
    alpha = krippendorff_alpha(table, distance, rng=np.random.default_rng(seed))
    if alpha is None:
        return None
    return {
        "alpha": alpha.value,
        "low": alpha.low,
        "high": alpha.high,
        "metric": "nominal" if is_pairwise else "interval",
    }


def _exclusions(study: Study) -> list[dict[str, Any]]:
    rows = study.exclusions.filter(lifted_at=None).select_related("rater").order_by("pk")
    return [
        {
            "rater": row.rater.name,
            "judgment": row.judgment_id,
            "rule": row.rule,
            "reason": row.reason,
            "at": row.created_at.isoformat(timespec="seconds"),
        }
        for row in rows
    ]


def _warnings(report: Report) -> list[str]:
    warnings = list(report["warnings"])
    raters = report["counts"]["raters"]
    if raters == 1:
        warnings.append("Only one rater has judged: there are no intervals.")
    elif 1 < raters < FEW_RATERS:
        warnings.append(
            f"Only {raters} raters have judged: intervals from so few tend to be too short."
        )
    if report["withdrawn"]:
        warnings.append("Withdrawn, and still shown: " + ", ".join(report["withdrawn"]) + ".")
    return warnings
