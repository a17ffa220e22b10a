"""What was answered, and what of it does not count."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from annotation.models.assignments import Assignment, Side
from annotation.models.raters import Rater
from annotation.models.studies import Study
from annotation.models.tasks import Task

#: Which judgments results are made of.
COUNTED = Q(task__is_gold=False, is_repeat=False)


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def current(self) -> JudgmentQuerySet:
        """Leave out what a later judgment supersedes."""
        return self.filter(superseded_by=None)

    def counted(self) -> JudgmentQuerySet:
        """Leave out known answers and second answers to one task: they are about the rater.

        Every reader of results starts here.
        """
        return self.filter(COUNTED)

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
    #: What stood on the left, or came first; empty where an import does not say, and for MOS.
    left = models.CharField(max_length=1, choices=Side, blank=True)
    verdict = models.CharField(max_length=10, choices=Verdict, blank=True)
    score = models.SmallIntegerField(null=True, blank=True)
    #: What goes beyond verdict and score, in task terms: see the protocol's file.
    answer = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    comment = models.TextField(blank=True)
    #: True for the second answer to a task that was asked again: see `annotation.repeats`.
    is_repeat = models.BooleanField(default=False, editable=False)
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
                | Q(verdict="", score__isnull=False)
                | (Q(verdict="", score__isnull=True) & ~Q(answer={})),
                name="judgment_has_a_verdict_a_score_or_an_answer",
            ),
        ]
        #: What came after a given judgment: `ranking.rollups`.
        indexes = [models.Index(fields=["study", "id"], name="judgment_of_study")]

    def __str__(self) -> str:
        said = self.verdict or (self.answer if self.score is None else self.score)
        return f"{said} by {self.rater}"


class ExclusionQuerySet(models.QuerySet["Exclusion"]):
    def in_force(self) -> ExclusionQuerySet:
        return self.filter(lifted_at=None)


class Exclusion(models.Model):
    """Why a judgment, or all of a rater, does not count. Reversible: lifted, never deleted.

    A rule excludes the same only once: what a person has lifted stays lifted.
    """

    study = models.ForeignKey(Study, models.CASCADE, related_name="exclusions")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="exclusions")
    #: None: all judgments of the rater.
    judgment = models.ForeignKey(
        Judgment, models.CASCADE, null=True, blank=True, related_name="exclusions"
    )
    rule = models.CharField(max_length=60)
    #: True when a declared rule found it; otherwise `rule` is what somebody called it.
    by_rule = models.BooleanField(default=False, editable=False)
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    lifted_at = models.DateTimeField(null=True, blank=True)

    objects = ExclusionQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "rule", "rater"],
                condition=Q(by_rule=True, judgment__isnull=True),
                name="rule_excludes_a_rater_once",
            ),
            models.UniqueConstraint(
                fields=["study", "rule", "judgment"],
                condition=Q(by_rule=True, judgment__isnull=False),
                name="rule_excludes_a_judgment_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.rater}"
