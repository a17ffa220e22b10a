"""A study, its systems and its log."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from annotation.models.way import Way
from annotation.protocols import labels
from evalsite.lib.text import public_id
from generation.models import Output, OutputQuerySet, Prompt, PromptSet, System


def languages() -> list[tuple[str, str]]:
    """Return the languages that raters' pages are there in, as (code, own name)."""
    return list(settings.LANGUAGES)


class StudyQuerySet(models.QuerySet["Study"]):
    def owned_by(self, user: Any) -> StudyQuerySet:
        return self.filter(owner=user)

    def with_progress(self) -> StudyQuerySet:
        """Annotate `judgment_count`: assignments judged, or judgments imported."""
        # Judgments know their study, so they are known here only now.
        from annotation.models.judgments import Judgment

        first = Judgment.objects.counted().filter(supersedes=None)
        rows = first.filter(study=models.OuterRef("pk")).order_by()
        count = rows.values("study").annotate(count=models.Count("pk")).values("count")
        return self.annotate(judgment_count=Coalesce(models.Subquery(count), 0)).defer("plan")


class Study(models.Model):
    """A question put to raters about some systems' outputs. Frozen at launch."""

    class Protocol(StrEnum):
        """Protocols that other code knows by name; `annotation.protocols` has all there are."""

        PAIRWISE = "pairwise"
        MOS = "mos"

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
    protocol = models.CharField(max_length=20, choices=labels, default=Protocol.PAIRWISE.value)
    #: The protocol's own, as `annotation.protocols` checked them.
    options = models.JSONField(default=dict, blank=True)
    question = models.CharField(max_length=300)
    instructions = models.TextField(blank=True)
    consent = models.TextField(blank=True)
    #: Of what stands around the question on raters' pages, the words of the answers included.
    language = models.CharField(max_length=10, choices=languages, default="en")
    #: Words that raters do not see in outputs; see `annotation.redaction`.
    redact = models.JSONField(default=list, blank=True)
    prompt_set = models.ForeignKey(PromptSet, models.PROTECT, related_name="studies")
    #: Keys of its prompts that raters are not asked about.
    left_out = models.JSONField(default=list, blank=True)
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
    #: How many places the order of a full or block design has, up to which of them the tasks are
    #: made, and how many of those to come have no task: a system of theirs is withdrawn, or their
    #: answer is known. All 0 where rounds or imports make the tasks. See `annotation.stretches`.
    design_count = models.PositiveIntegerField(default=0, editable=False)
    design_place = models.PositiveIntegerField(default=0, editable=False)
    design_left_out = models.PositiveIntegerField(default=0, editable=False)
    #: How many tasks and slots of the target are made.
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
    def prompts(self) -> models.QuerySet[Prompt]:
        """The prompts that raters are asked about, in the order in which the design counts them."""
        return self.prompt_set.prompts.exclude(key__in=self.left_out).order_by("position")

    @property
    def outputs(self) -> OutputQuerySet:
        """The outputs that raters can be shown, finished or not; in no order."""
        rows = Output.objects.filter(
            system__in=self.systems.all(), prompt__prompt_set=self.prompt_set, sample=self.sample
        )
        shown: OutputQuerySet = rows.exclude(prompt__key__in=self.left_out).order_by()
        return shown

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
        return self.design_count - self.design_place - self.design_left_out

    @property
    def way(self) -> Way:
        """What the study adds to the plain way of its raters."""
        try:
            return self.stored_way
        except Way.DoesNotExist:
            return Way(study=self)

    def locked(self) -> Study:
        """Return the study as it stands now, locked until this transaction is over.

        It is the lock of whoever makes tasks, admits raters or withdraws a system.
        """
        return Study.objects.select_for_update(no_key=True).defer("plan").get(pk=self.pk)

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
