"""Tasks that a rater meets twice, to learn how far their own answers agree.

The second answer is about the rater: it is outside the target and of no result. Sides and orders
are turned round, so that a habit of pressing one key is not taken for a firm opinion.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from annotation.mixing import Mix
from annotation.models import Assignment, Rater, Side, TaskOutput

#: At least so many answers lie between the two.
GAP = 5


def repeats_mix(rater: Rater) -> Mix:
    study = rater.study
    return Mix(every=study.way.repeat_every, seed=study.seed, rater=rater.public_id, kind="repeat")


def claim_repeat(rater: Rater) -> int | None:
    """Claim the task that the rater judged longest ago again; None where none is old enough."""
    judged = rater.assignments.targets().judged().order_by("judged_at", "pk")
    again = rater.assignments.filter(purpose=Assignment.Purpose.REPEAT, task=OuterRef("task"))
    first = judged.filter(~Exists(again), ~_withdrawn(rater)).first()
    if first is None or judged.filter(judged_at__gt=first.judged_at).count() < GAP:
        return None
    left = Side.A if first.left == Side.B else Side.B
    return Assignment.objects.claim_aside(
        rater, first.task_id, Assignment.Purpose.REPEAT, left=left, order=first.order[::-1]
    )


def _withdrawn(rater: Rater) -> Q:
    gone = rater.study.study_systems.exclude(withdrawn_at=None).values("system")
    places = TaskOutput.objects.filter(task=OuterRef("task"), system__in=gone)
    return Q(task__system_a__in=gone) | Q(task__system_b__in=gone) | Q(Exists(places))
