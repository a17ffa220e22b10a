"""One task given to one rater: the slots that a study consists of."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.timezone import now

from annotation.models.raters import Rater
from annotation.models.studies import Study
from annotation.models.tasks import Task


class Side(models.TextChoices):
    """Which of the task's outputs stood on the left, or came first."""

    A = "a"
    B = "b"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def open(self) -> AssignmentQuerySet:
        return self.filter(state=Assignment.State.OPEN)

    def judged(self) -> AssignmentQuerySet:
        return self.filter(state=Assignment.State.JUDGED)

    def targets(self) -> AssignmentQuerySet:
        """The slots that a study's target consists of."""
        return self.filter(purpose=Assignment.Purpose.TARGET)

    def of_judging(self) -> AssignmentQuerySet:
        """What a rater meets at the step of judging: targets, checks and repeats among them."""
        return self.filter(purpose__in=Assignment.OF_JUDGING)

    def claim_aside(
        self, rater: Rater, task: int, purpose: Assignment.Purpose, **shown: Any
    ) -> int:
        """Claim a task outside the target, in a slot made for the rater alone; return its key.

        `shown` is the slot's `left`, `order` and `token`. It stands where the rater's walk stands.
        """
        moment = now()
        slot = self.create(
            study=rater.study,
            task_id=task,
            k=None,
            purpose=purpose,
            position=rater.cursor,
            state=Assignment.State.CLAIMED,
            rater=rater,
            claimed_at=moment,
            lease_until=moment + timedelta(minutes=rater.study.lease_minutes),
            **shown,
        )
        return slot.pk

    def give_back(self) -> int:
        """Open claimed slots again. One made for its rater stays theirs, as if skipped."""
        is_target = Q(purpose=Assignment.Purpose.TARGET)
        return self.update(
            state=Case(
                When(is_target, then=Value(Assignment.State.OPEN)),
                default=Value(Assignment.State.SKIPPED),
            ),
            rater=Case(When(is_target, then=Value(None)), default=F("rater")),
            claimed_at=None,
            lease_until=None,
        )


class Assignment(models.Model):
    """One task given to one rater, with the order shown.

    The rows are *slots*, made with their task: slot k of the task's target, with the side order
    fixed by the design. A rater claims one by a conditional update, so that a task can never get
    more judgments than its target, whatever runs at once. A skipped row stays with its rater,
    who does not meet the task again; a fresh slot takes its place.

    A task whose answer is known, or that its rater is asked a second time, is outside the target:
    such a slot is made for one rater, when they meet it, and has no k.
    """

    class Purpose(models.TextChoices):
        """Why the task is asked. Never shown to raters."""

        TARGET = "target"
        CHECK = "check"  # gold or attention, mixed in
        REPEAT = "repeat"  # judged by the same rater before
        TRAINING = "training"
        QUALIFICATION = "qualification"

    OF_JUDGING = (Purpose.TARGET, Purpose.CHECK, Purpose.REPEAT)

    class State(models.TextChoices):
        WAITING = "waiting"  # an output of the task is still being made
        OPEN = "open"
        CLAIMED = "claimed"  # on a rater's screen, until `lease_until`
        JUDGED = "judged"
        SKIPPED = "skipped"
        WITHDRAWN = "withdrawn"  # its system was withdrawn, or an output of it failed

    study = models.ForeignKey(Study, models.CASCADE, related_name="assignments")
    task = models.ForeignKey(Task, models.CASCADE, related_name="assignments")
    k = models.PositiveSmallIntegerField(null=True, blank=True)
    purpose = models.CharField(max_length=13, choices=Purpose, default=Purpose.TARGET)
    left = models.CharField(max_length=1, choices=Side, default=Side.A)
    #: A group's places in the order shown; empty: not a group.
    order = models.JSONField(default=list, blank=True)
    #: Place in the study's stored random order (a ring that every rater walks).
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    #: Its index is `slot_of_rater`: one with all open slots in it would tell SQLite's planner that
    #: a rater has as many slots as nobody has, and that it had better read the whole table.
    rater = models.ForeignKey(
        Rater, models.PROTECT, null=True, blank=True, related_name="assignments", db_index=False
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    judged_at = models.DateTimeField(null=True, blank=True)
    #: Set while the rater corrects the judgment; the old one stands until the new one is there.
    reopened_at = models.DateTimeField(null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["study", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "k"], condition=~Q(state="skipped"), name="slot_once_per_task"
            ),
            models.UniqueConstraint(
                fields=["task", "rater"],
                condition=Q(rater__isnull=False) & ~Q(purpose="repeat"),
                name="task_once_per_rater",
            ),
            models.UniqueConstraint(
                fields=["task", "rater"],
                condition=Q(purpose="repeat"),
                name="repeat_once_per_rater",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "open", "withdrawn"], rater__isnull=True)
                | Q(state__in=["claimed", "judged", "skipped"], rater__isnull=False),
                name="slot_has_a_rater_once_claimed",
            ),
            models.CheckConstraint(
                condition=Q(purpose="target", k__isnull=False)
                | (~Q(purpose="target") & Q(k__isnull=True)),
                name="only_targets_are_numbered",
            ),
            models.UniqueConstraint(
                fields=["rater"], condition=Q(state="claimed"), name="one_claim_per_rater"
            ),
        ]
        indexes = [
            models.Index(fields=["study", "position"], condition=Q(state="open"), name="slot_open"),
            models.Index(
                fields=["study", "lease_until"], condition=Q(state="claimed"), name="slot_lease"
            ),
            models.Index(fields=["study", "state"], name="slot_state"),
            models.Index(
                fields=["rater", "state"], condition=Q(rater__isnull=False), name="slot_of_rater"
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.k} of {self.task}"
