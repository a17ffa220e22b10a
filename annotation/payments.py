"""Who is owed what: one row a rater, for a spreadsheet or a platform's form for bonuses."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Count, Sum

from annotation.gold import Marks, marks_of
from annotation.models import Judgment, Rater, Study, Way
from annotation.models.judgments import COUNTED

COLUMNS = (
    "rater", "platform_id", "listing", "visit", "outcome", "filled_up", "judgments", "promised",
    "checks_right", "checks_asked", "minutes", "base", "bonus", "total", "currency",
)  # fmt: skip
_CENT = Decimal("0.01")
_BATCH = 500


def payment_records(study: Study) -> Iterator[dict[str, Any]]:
    """Yield a record for each rater who has begun, in the order in which they were invited.

    Complete: the base pay, or the share of it that was done where a rater skipped what is missing;
    who was filled up is paid in full; by the hour, the time on tasks. Screened out: the pay for
    that. Failed, or still on the way: nothing yet; the row says so. `minutes` is time on tasks,
    without pauses.
    """
    begun = study.raters.filter(is_judge=False).exclude(admitted_at=None)
    batch: list[Rater] = []
    for rater in begun.select_related("arrival").order_by("pk").iterator(chunk_size=_BATCH):
        rater.study = study
        batch.append(rater)
        if len(batch) == _BATCH:
            yield from _records(study.way, batch)
            batch = []
    yield from _records(study.way, batch)


def _records(way: Way, raters: list[Rater]) -> Iterator[dict[str, Any]]:
    marks, work = marks_of(raters), _work(raters)
    for rater in raters:
        judged, seconds = work.get(rater.pk, (0, 0.0))
        mark = marks.get(rater.pk, Marks())
        base = base_pay(way, rater, judged, seconds)
        bonus = bonus_pay(way, rater, judged, mark)
        arrival = getattr(rater, "arrival", None)
        yield {
            "rater": rater.name,
            "platform_id": arrival.person if arrival else "",
            "listing": arrival.listing if arrival else "",
            "visit": arrival.visit if arrival else "",
            "outcome": rater.outcome or "on the way",
            "filled_up": "yes" if rater.is_filled_up else "no",
            "judgments": judged,
            "promised": rater.promised,
            "checks_right": mark.right,
            "checks_asked": mark.asked,
            "minutes": f"{seconds / 60:.1f}",
            "base": f"{base:.2f}",
            "bonus": f"{bonus:.2f}",
            "total": f"{base + bonus:.2f}",
            "currency": way.currency,
        }


def _work(raters: list[Rater]) -> dict[int, tuple[int, float]]:
    """Return, by rater, the judgments of the target and the seconds on all tasks."""
    rows = (
        Judgment.objects.current()
        .filter(rater__in=raters)
        .order_by()
        .values("rater")
        .annotate(judged=Count("pk", filter=COUNTED), time=Sum("seconds"))
    )
    return {row["rater"]: (row["judged"], row["time"] or 0.0) for row in rows}


def base_pay(way: Way, rater: Rater, judged: int, seconds: float = 0.0) -> Decimal:
    if rater.outcome == Rater.Outcome.SCREENED_OUT:
        return way.screened_out_pay
    if rater.outcome != Rater.Outcome.COMPLETE:
        return Decimal(0)
    if way.hourly_pay:
        paid = Decimal(min(seconds, way.paid_minutes * 60.0))
        return (way.hourly_pay * paid / 3600).quantize(_CENT, ROUND_HALF_UP)
    if rater.is_filled_up or judged >= rater.promised:
        return way.pay
    return (way.pay * judged / rater.promised).quantize(_CENT, ROUND_HALF_UP)


def bonus_pay(way: Way, rater: Rater, judged: int, marks: Marks) -> Decimal:
    """Return the bonus that the study's rule gives; without a check nobody is accurate."""
    if rater.outcome != Rater.Outcome.COMPLETE:
        return Decimal(0)
    is_earned = {
        Way.BonusRule.ACCURACY.value: marks.asked > 0
        and 100 * marks.right >= way.bonus_percent * marks.asked,
        Way.BonusRule.COMPLETE.value: rater.is_filled_up or judged >= rater.promised,
    }
    return way.bonus if is_earned.get(way.bonus_rule, False) else Decimal(0)
