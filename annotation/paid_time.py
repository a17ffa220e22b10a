"""Time on tasks, where a study pays by the hour: what is paid, and what is left of it."""

from __future__ import annotations

from django.db.models import Sum

from annotation.models import Judgment, Rater


def seconds_left(rater: Rater) -> float | None:
    """Return what is left of the paid time; None where the study does not pay by the hour.

    It is the time on tasks, as measured when they were answered: a pause costs nothing.
    """
    way = rater.study.way
    if not way.hourly_pay:
        return None
    answers = Judgment.objects.current().filter(rater=rater)
    spent = answers.order_by().aggregate(spent=Sum("seconds"))["spent"] or 0.0
    return max(0.0, way.paid_minutes * 60 - spent)
