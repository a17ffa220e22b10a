"""Who may begin: as many raters as there is work for, so that each can finish what was promised.

A study with a quota (`tasks_per_rater`) promises it to everybody who begins, and pays for it. No
task may get more judgments than its target, so there is no slot to invent for somebody who comes
too late; the only honest place to say so is the door. So:

- A rater begins with the first step (or by opening an open link), and is told a quota then. It is
  reserved: what present raters are still owed is not promised to the next.
- The last one in may find less than a quota left. They are promised what there is: fewer tasks for
  the same pay. Else the last tasks of a study would be done by nobody.
- A reservation is a count, not particular slots: anybody's slot may be anybody's. It can fail, for
  example when the open slots left are of tasks that this rater has met, or when a system is
  withdrawn. Whoever cannot be served any more then is complete, noted as `is_filled_up`, and paid
  in full. (Whoever skipped the tasks that are missing is not: that was their choice.)
- Whoever is away for longer than the lease of a task loses the reservation, or one closed browser
  would keep a study from ending. If they come back, they go on with what there is.

A study without a quota promises nothing: raters share what there is, and come back for more.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Max, Q
from django.utils.timezone import now
from django.utils.translation import gettext

from annotation.exceptions import StudyFull, StudyNotOpen
from annotation.models import Assignment, Rater, Study

#: Slots that nobody has judged yet.
_UNJUDGED = [Assignment.State.OPEN, Assignment.State.WAITING, Assignment.State.CLAIMED]


def admit(rater: Rater) -> None:
    """Let the rater begin, and reserve what is promised; call it in a write transaction.

    Raises `StudyFull` when all that is left is promised to others, and `StudyNotOpen` after the
    end. Whoever has begun is let through.
    """
    if rater.admitted_at is not None:
        return
    study = rater.study
    if study.state == Study.State.CLOSED:
        raise StudyNotOpen(gettext("The study has ended; there is nothing to judge any more."))
    rater.admitted_at = now()
    rater.quota = _quota(study)
    rater.save(update_fields=["admitted_at", "quota"])


def _quota(study: Study) -> int | None:
    """Return what can be promised to one more; None where the study promises nothing."""
    if study.tasks_per_rater is None:
        return None
    # Two at the door at once: the second waits for what the first is promised.
    study = study.locked()
    owed, wanted = _owed(study), study.quota
    unjudged = study.assignments.targets().filter(state__in=_UNJUDGED).order_by()
    # Counted no further than it matters: the study may have a million slots.
    to_come = study.tasks_to_come
    room = unjudged.values("pk")[: owed + wanted].count() - owed
    room += to_come * study.judgments_per_task
    tasks = unjudged.values("task").distinct()[:wanted].count() + to_come
    quota = min(wanted, room, tasks)
    if quota <= 0:
        raise StudyFull
    return quota


def _owed(study: Study) -> int:
    """Return how many tasks the raters who are present have been promised and not judged."""
    since = now() - timedelta(minutes=study.lease_minutes)
    judged = Q(assignments__purpose=Assignment.Purpose.TARGET, assignments__state="judged")
    begun = study.raters.filter(
        admitted_at__isnull=False, judging_ended_at=None, outcome="", revoked_at=None
    )
    present = begun.annotate(
        done=Count("assignments", filter=judged), last=Max("assignments__claimed_at")
    ).filter(Q(admitted_at__gte=since) | Q(last__gte=since))
    return sum(
        max(0, (quota or study.quota) - done)
        for quota, done in present.order_by().values_list("quota", "done")
    )


def was_filled_up(rater: Rater) -> bool:
    """Return whether the rater got less to do than was promised, through no fault of their own."""
    if rater.quota is None:
        return False
    states = Assignment.State
    own = rater.assignments.targets().filter(state__in=[states.JUDGED, states.SKIPPED])
    return own.count() < rater.promised
