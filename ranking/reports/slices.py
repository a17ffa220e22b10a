"""The same fit on parts of a study: by prompt category and by group of raters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from annotation.models import Study
from ranking.comparisons import Slice, StudyCells
from ranking.reports.options import Options

Row = dict[str, Any]

#: A slice with fewer judgments is named, and not fitted.
MIN_JUDGMENTS = 20
MAX_SLICES = 30


def slice_rows(cells: StudyCells, options: Options, fit: Any) -> list[Row]:
    """Return standings of each category and each rater group, where there are at least two.

    `fit(cells, options)` gives the standings. Nothing for a report that is a slice itself.
    """
    if not options.part.is_whole:
        return []
    found = []
    for kind, values in (("category", cells.labels.categories), ("group", cells.labels.groups)):
        names = sorted(set(values) - {""})
        if len(names) > 1:
            found += [_slice(cells, options, fit, kind, name) for name in names[:MAX_SLICES]]
    return found


def _slice(cells: StudyCells, options: Options, fit: Any, kind: str, name: str) -> Row:
    part = Slice(category=name) if kind == "category" else Slice(group=name)
    judgments = cells.people(part=part).total
    rows = []
    if judgments >= MIN_JUDGMENTS:
        rows = fit(cells, replace(options, part=part, adjust=False))
    return {"by": kind, "value": name, "judgments": judgments, "standings": rows}


def choices(study: Study) -> dict[str, list[str]]:
    """Return the categories and rater groups that a report can be cut by."""
    prompts, raters = study.prompt_set.prompts.order_by(), study.raters.order_by()
    return {
        "category": sorted(
            prompts.exclude(category="").values_list("category", flat=True).distinct()
        ),
        "group": sorted(raters.exclude(group="").values_list("group", flat=True).distinct()),
    }
