"""The report as one dictionary: what the page, the exports and stored leaderboards are made of."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.timezone import now

from annotation.models import Study
from ranking.comparisons import StudyCells, read_study, repeats
from ranking.reports.agreement import agreement_rows
from ranking.reports.benchmarks import benchmark_rows
from ranking.reports.checks import checks
from ranking.reports.families import family_of
from ranking.reports.funnel import funnel_rows
from ranking.reports.options import Options
from ranking.reports.slices import slice_rows
from ranking.reports.words import headline, method_in_words
from ranking.rollups import OUTCOMES
from ranking.stats.intervals import FEW_RATERS

Report = dict[str, Any]


def build_report(study: Study, options: Options | None = None) -> Report:
    """Fit the study's judgments and say all that is known, in the form of DESIGN section 6."""
    options = options or Options()
    cells = read_study(study)
    family = family_of(study)
    compact = family.standings
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
        "counts": _counts(cells, options),
        **family.part(cells, options),
        **agreement_rows(cells, options),
        "slices": slice_rows(cells, options, compact) if compact else [],
        "funnel": funnel_rows(cells, options.part),
        "exclusions": exclusions,
        "withdrawn": list(
            study.study_systems.exclude(withdrawn_at=None).values_list("system__slug", flat=True)
        ),
        "benchmarks": benchmark_rows(study),
    }
    if exclusions and compact:
        report["standings_with_excluded"] = compact(cells, options, with_excluded=True)
    report["warnings"] = _warnings(report)
    report["headline"] = headline(report)
    report["checks"] = checks(report)
    report["method_in_words"] = method_in_words(report)
    return report


def _counts(cells: StudyCells, options: Options) -> dict[str, int]:
    counted = cells.people(part=options.part)
    everything = cells.people(part=options.part, with_excluded=True)
    outcome = counted.rows["answer"] % len(OUTCOMES)
    is_pairwise = cells.study.protocol == Study.Protocol.PAIRWISE

    def of(verdict: str) -> int:
        if not is_pairwise:
            return 0
        return int(counted.rows["count"][outcome == OUTCOMES[verdict]].sum())

    return {
        "judgments": counted.total,
        "raters": counted.present("rater"),
        "prompts": counted.present("prompt"),
        "excluded": everything.total - counted.total,
        "repeats": repeats(counted),
        "ties": of("tie"),
        "both_bad": of("both_bad"),
    }


def _exclusions(study: Study) -> list[dict[str, Any]]:
    rows = study.exclusions.filter(lifted_at=None).select_related("rater").order_by("pk")
    return [
        {
            "rater": row.rater.name,
            "what": "judgment" if row.judgment_id else "rater",
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
        warnings.append(f"Only {raters} raters have judged: other raters might say otherwise.")
    if report["withdrawn"]:
        warnings.append("Withdrawn, and still shown: " + ", ".join(report["withdrawn"]) + ".")
    return warnings


def without_names(report: Report) -> Report:
    """Return the report as readers outside get it: raters by number, no free text about them."""
    number: dict[str, str] = {}

    def numbered(name: str) -> str:
        return number.setdefault(name, f"rater {len(number) + 1}")

    return {
        **report,
        "raters": [{**row, "rater": numbered(row["rater"])} for row in report.get("raters", [])],
        # A reason is a researcher's free text; the rule says enough to outsiders.
        "exclusions": [
            {**row, "rater": numbered(row["rater"]), "judgment": None, "reason": ""}
            for row in report["exclusions"]
        ],
    }
