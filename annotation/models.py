"""What the raters think: Study, Rater, Task, Assignment, Judgment, and what is said of them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.signing import Signer
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from evalsite.lib.text import public_id
from generation.models import Output, Prompt, PromptSet, System

#: Signs the invite links: a link cannot be forged, and a leaked database holds none.
INVITE_SALT = "annotation.invite"


class StudyQuerySet(models.QuerySet["Study"]):
    def owned_by(self, user: Any) -> StudyQuerySet:
        return self.filter(owner=user)

    def with_progress(self) -> StudyQuerySet:
        """Annotate `judgment_count`: assignments judged, or judgments imported."""
        rows = Judgment.objects.filter(study=models.OuterRef("pk"), supersedes=None).order_by()
        count = rows.values("study").annotate(count=models.Count("pk")).values("count")
        return self.annotate(judgment_count=Coalesce(models.Subquery(count), 0)).defer("plan")


class Study(models.Model):
    """A question put to raters about some systems' outputs. Frozen at launch."""

    class Protocol(models.TextChoices):
        PAIRWISE = "pairwise", "Pairwise: which of two is better"
        MOS = "mos", "MOS: how good is one, from 1 to 5"

    class Pairing(models.TextChoices):
        FULL = "full", "Full: every pair of systems on every prompt"
        BLOCK = "block", "Block: a budget of tasks, every pair of systems equally often"
        ADAPTIVE = "adaptive", "Adaptive: a first even round, then the pairs that tell most"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="studies")
    slug = models.SlugField(max_length=100, unique=True)
    #: Stands in rater URLs instead of the slug, which may name a system.
    public_id = models.CharField(max_length=20, unique=True, default=public_id, editable=False)
    #: For researchers only: it may name systems.
    name = models.CharField(max_length=200)
    #: What raters see as the study's name.
    title = models.CharField(max_length=100)
    protocol = models.CharField(max_length=20, choices=Protocol, default=Protocol.PAIRWISE)
    question = models.CharField(max_length=300)
    instructions = models.TextField(blank=True)
    consent = models.TextField(blank=True)
    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="studies")
    systems: models.ManyToManyField[System, StudySystem] = models.ManyToManyField(
        System, through="StudySystem", related_name="studies"
    )
    sample = models.PositiveSmallIntegerField(default=0)
    allow_tie = models.BooleanField(default=True)
    allow_both_bad = models.BooleanField(default=True)
    #: Which tasks there are: all; a budget of them, spread evenly; or one that is spent in rounds.
    pairing = models.CharField(max_length=10, choices=Pairing, default=Pairing.FULL)
    #: How many tasks the study asks in all; None where the pairing is full.
    task_budget = models.PositiveIntegerField(null=True, blank=True)
    judgments_per_task = models.PositiveSmallIntegerField(default=3)
    #: At most so many tasks for one rater; None: as many as there are.
    tasks_per_rater = models.PositiveIntegerField(null=True, blank=True)
    lease_minutes = models.PositiveSmallIntegerField(default=60)
    seed = models.BigIntegerField(default=0)

    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    #: True while some outputs of the study are still being made.
    is_waiting = models.BooleanField(default=False, editable=False)
    #: Each category's share of the prompts, which every rater's tasks follow: `annotation.strata`.
    category_shares = models.JSONField(default=dict, blank=True, editable=False)
    #: How many tasks the full or block design has, and up to which place of its order they are
    #: made; both 0 where rounds or imports make the tasks. See `annotation.stretches`.
    design_count = models.PositiveIntegerField(default=0, editable=False)
    design_place = models.PositiveIntegerField(default=0, editable=False)
    #: How many tasks and slots are made.
    task_count = models.PositiveIntegerField(default=0, editable=False)
    slot_count = models.PositiveIntegerField(default=0, editable=False)
    #: What was frozen at launch, and its sha256.
    plan = models.JSONField(null=True, blank=True, editable=False)
    plan_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return self.name

    @property
    def quota(self) -> int:
        """How many tasks one rater can be given, those to come included."""
        return min(self.tasks_wanted, self.tasks_per_rater or self.tasks_wanted)

    @property
    def tasks_wanted(self) -> int:
        """How many tasks the study asks in all: those that are made and those to come."""
        return self.task_count + self.tasks_to_come

    @property
    def judgments_wanted(self) -> int:
        return self.slot_count + self.tasks_to_come * self.judgments_per_task

    @property
    def tasks_to_come(self) -> int:
        """How many tasks no round has asked yet, or no rater has come near to yet."""
        if self.pairing == self.Pairing.ADAPTIVE:
            return max((self.task_budget or 0) - self.task_count, 0)
        return self.design_count - self.design_place

    def log(self, what: str, *, by: Any = None, **detail: Any) -> None:
        """Add a row to the study's log."""
        StudyEvent.objects.create(study=self, what=what, by=by, detail=detail)


class StudySystem(models.Model):
    """A system's place in a study. A withdrawn system stays in the report."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="study_systems")
    system = models.ForeignKey(System, models.PROTECT, related_name="study_systems")
    position = models.PositiveSmallIntegerField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["study", "position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "system"], name="system_once_per_study"),
            models.UniqueConstraint(fields=["study", "position"], name="system_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.system} in {self.study}"


class StudyEvent(models.Model):
    """The study's log: launch, pause, every amendment. Rows are only added."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="events")
    at = models.DateTimeField(default=now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    what = models.CharField(max_length=40)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.what} ({self.study})"


class RaterQuerySet(models.QuerySet["Rater"]):
    def with_progress(self) -> RaterQuerySet:
        """Annotate `judged`, the number of assignments that the rater has answered."""
        return self.annotate(
            judged=models.Count("assignments", filter=Q(assignments__state="judged"))
        )


class Rater(models.Model):
    """A person who judges in a study."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="raters")
    public_id = models.CharField(max_length=20, unique=True, default=public_id, editable=False)
    name = models.CharField(max_length=200)
    #: For results by group of raters (experts, crowd, ...); empty: none.
    group = models.CharField(max_length=60, blank=True)
    #: An automated judge, imported to be compared with people; never in the fit.
    is_judge = models.BooleanField(default=False)
    #: Where in the study's ring of slots this rater walks now, and began.
    cursor = models.PositiveIntegerField(default=0, editable=False)
    invited_at = models.DateTimeField(default=now, editable=False)
    consented_at = models.DateTimeField(null=True, blank=True, editable=False)
    instructed_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Set when the researcher takes the link back.
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RaterQuerySet.as_manager()

    class Meta:
        ordering = ["study", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "name"], name="rater_name_once_per_study")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def invite_token(self) -> str:
        return Signer(salt=INVITE_SALT).sign(self.public_id)

    def consent(self) -> None:
        self._stamp("consented_at")

    def read_instructions(self) -> None:
        self._stamp("instructed_at")

    def finish(self) -> None:
        self._stamp("finished_at")

    def _stamp(self, field: str) -> None:
        """Note when something first happened; later times leave it alone."""
        if getattr(self, field) is None:
            setattr(self, field, now())
            self.save(update_fields=[field])


class TaskQuerySet(models.QuerySet["Task"]):
    def waiting(self) -> TaskQuerySet:
        return self.filter(ready_at=None)

    def with_outputs_done(self) -> TaskQuerySet:
        done = Output.State.DONE
        return self.filter(Q(output_b=None) | Q(output_b__state=done), output_a__state=done)


class Task(models.Model):
    """One thing to be judged, the same for all raters: outputs a and b (pairwise), or a (MOS).

    `system_a` comes before `system_b` in the study's order of systems. Imported judgments may
    come without outputs.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="tasks")
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="tasks")
    system_a = models.ForeignKey(System, models.PROTECT, related_name="+")
    system_b = models.ForeignKey(System, models.PROTECT, null=True, blank=True, related_name="+")
    output_a = models.ForeignKey(Output, models.PROTECT, null=True, blank=True, related_name="+")
    output_b = models.ForeignKey(Output, models.PROTECT, null=True, blank=True, related_name="+")
    #: When both outputs were there; their hashes join the study's record then.
    ready_at = models.DateTimeField(null=True, blank=True)
    #: Adaptive pairs: the round that asked it, from 1, and how probable it was, just before the
    #: draw, that this round would. None: every task is asked.
    round = models.PositiveIntegerField(null=True, blank=True, editable=False)
    chance = models.FloatField(null=True, blank=True, editable=False)
    hash_a = models.CharField(max_length=64, blank=True, editable=False)
    hash_b = models.CharField(max_length=64, blank=True, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "prompt", "system_a", "system_b"],
                condition=Q(system_b__isnull=False),
                name="pair_once_per_prompt",
            ),
            models.UniqueConstraint(
                fields=["study", "prompt", "system_a"],
                condition=Q(system_b__isnull=True),
                name="single_once_per_prompt",
            ),
        ]
        indexes = [
            models.Index(fields=["study"], condition=Q(ready_at__isnull=True), name="task_waiting")
        ]

    def __str__(self) -> str:
        return f"task {self.pk}"


class Side(models.TextChoices):
    """Which of the task's outputs stood on the left."""

    A = "a"
    B = "b"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def open(self) -> AssignmentQuerySet:
        return self.filter(state=Assignment.State.OPEN)

    def judged(self) -> AssignmentQuerySet:
        return self.filter(state=Assignment.State.JUDGED)


class Assignment(models.Model):
    """One task given to one rater, with the order shown.

    The rows are *slots*, made with their task: slot k of the task's target, with the side order
    fixed by the design. A rater claims one by a conditional update, so that a task can never get
    more judgments than its target, whatever runs at once. A skipped row stays with its rater,
    who does not meet the task again; a fresh slot takes its place.
    """

    class State(models.TextChoices):
        WAITING = "waiting"  # an output of the task is still being made
        OPEN = "open"
        CLAIMED = "claimed"  # on a rater's screen, until `lease_until`
        JUDGED = "judged"
        SKIPPED = "skipped"
        WITHDRAWN = "withdrawn"  # its system was withdrawn, or an output of it failed

    study = models.ForeignKey(Study, models.CASCADE, related_name="assignments")
    task = models.ForeignKey(Task, models.CASCADE, related_name="assignments")
    k = models.PositiveSmallIntegerField()
    left = models.CharField(max_length=1, choices=Side, default=Side.A)
    #: Place in the study's stored random order (a ring that every rater walks).
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    rater = models.ForeignKey(
        Rater, models.PROTECT, null=True, blank=True, related_name="assignments"
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
                condition=Q(rater__isnull=False),
                name="task_once_per_rater",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "open", "withdrawn"], rater__isnull=True)
                | Q(state__in=["claimed", "judged", "skipped"], rater__isnull=False),
                name="slot_has_a_rater_once_claimed",
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
        ]

    def __str__(self) -> str:
        return f"slot {self.k} of {self.task}"


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def current(self) -> JudgmentQuerySet:
        """Leave out what a later judgment supersedes."""
        return self.filter(superseded_by=None)

    def included(self) -> JudgmentQuerySet:
        """Leave out what an exclusion in force names, by itself or by its rater."""
        in_force = Exclusion.objects.filter(lifted_at=None)
        return self.exclude(
            pk__in=in_force.filter(judgment__isnull=False).values("judgment")
        ).exclude(rater__in=in_force.filter(judgment=None).values("rater"))


class Judgment(models.Model):
    """The recorded answer to an assignment. Rows are only added (held by a trigger)."""

    class Verdict(models.TextChoices):
        A = "a"
        B = "b"
        TIE = "tie"
        BOTH_BAD = "both_bad"

    study = models.ForeignKey(Study, models.PROTECT, related_name="judgments")
    task = models.ForeignKey(Task, models.PROTECT, related_name="judgments")
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="judgments")
    #: None for an imported judgment.
    assignment = models.ForeignKey(
        Assignment, models.PROTECT, null=True, blank=True, related_name="judgments"
    )
    #: What stood on the left; empty where an import does not say, and for MOS.
    left = models.CharField(max_length=1, choices=Side, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict, blank=True)
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    comment = models.TextField(blank=True)
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    created_at = models.DateTimeField(default=now)

    objects = JudgmentQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(supersedes__isnull=True, assignment__isnull=False),
                name="one_first_judgment_per_assignment",
            ),
            models.CheckConstraint(
                condition=(~Q(verdict="") & Q(score__isnull=True))
                | Q(verdict="", score__isnull=False),
                name="judgment_has_a_verdict_or_a_score",
            ),
        ]
        #: What came after a given judgment: `ranking.rollups`.
        indexes = [models.Index(fields=["study", "id"], name="judgment_of_study")]

    def __str__(self) -> str:
        return f"{self.verdict or self.score} by {self.rater}"


class Exclusion(models.Model):
    """Why a judgment, or all of a rater, does not count. Reversible: lifted, never deleted."""

    study = models.ForeignKey(Study, models.CASCADE, related_name="exclusions")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="exclusions")
    #: None: all judgments of the rater.
    judgment = models.ForeignKey(
        Judgment, models.CASCADE, null=True, blank=True, related_name="exclusions"
    )
    rule = models.CharField(max_length=60)
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.rule}: {self.rater}"
