"""From all who were invited to what is counted, step by step, in the manner of CONSORT (2010)."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import Count, Q

from ranking.comparisons import Slice, StudyCells

Row = dict[str, Any]


def funnel_rows(cells: StudyCells, part: Slice) -> list[Row]:
    """Return the steps: who and what was there, and what was left out on the way and why."""
    study = cells.study
    people = study.raters.filter(is_judge=False).aggregate(
        invited=Count("pk"),
        consented=Count("pk", filter=Q(consented_at__isnull=False)),
    )
    standing = cells.people(with_excluded=True)
    corrected = cells.everything.recorded - cells.everything.total
    included = cells.people(part=part)
    steps = [_step("invited or imported", raters=people["invited"])]
    if people["consented"]:
        steps.append(_step("consented", raters=people["consented"]))
    judged = standing.total + corrected
    steps.append(_step("judged", raters=standing.present("rater"), judgments=judged))
    if corrected:
        steps.append(_left_out("corrected by the rater since", judgments=corrected))
    steps += _exclusions(cells)
    if not part.is_whole:
        whole = cells.people()
        steps.append(_left_out("another part of the study", judgments=whole.total - included.total))
    steps.append(
        _step("in this report", raters=included.present("rater"), judgments=included.total)
    )
    return steps


def _step(step: str, *, raters: int | None = None, judgments: int | None = None) -> Row:
    return {"step": step, "raters": raters, "judgments": judgments, "is_left_out": False}


def _left_out(why: str, *, raters: int | None = None, judgments: int | None = None) -> Row:
    row = _step(f"left out: {why}", raters=raters, judgments=judgments)
    return {**row, "is_left_out": True}


def _exclusions(cells: StudyCells) -> list[Row]:
    """Return one step a rule; a judgment that two rules name is counted by the first."""
    number = {pk: i for i, pk in enumerate(cells.everything.raters)}
    by_rater = np.bincount(
        cells.everything.rows["rater"], cells.everything.rows["count"], max(len(number), 1)
    )
    rows = cells.study.exclusions.filter(lifted_at=None).order_by("pk")
    judgments: dict[str, float] = {}
    raters: dict[str, set[int]] = {}
    whole: set[int] = set()
    for rule, rater, judgment in rows.values_list("rule", "rater", "judgment"):
        if judgment is None and rater not in whole:
            whole.add(rater)
            raters.setdefault(rule, set()).add(rater)
            judgments[rule] = judgments.get(rule, 0) + (
                by_rater[number[rater]] if rater in number else 0
            )
    seen: set[int] = set()
    single = rows.exclude(judgment=None).filter(
        judgment__superseded_by=None, judgment__task__is_gold=False, judgment__is_repeat=False
    )
    for rule, rater, judgment in single.values_list("rule", "rater", "judgment"):
        if rater not in whole and judgment not in seen:
            seen.add(judgment)
            judgments[rule] = judgments.get(rule, 0) + 1
    return [
        _left_out(rule, raters=len(raters.get(rule, ())) or None, judgments=int(count))
        for rule, count in judgments.items()
    ]
