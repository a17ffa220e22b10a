"""What a study adds to the plain way of its raters, and the tasks that check them."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.timezone import now


def _money() -> models.DecimalField[Decimal, Decimal]:
    return models.DecimalField(max_digits=8, decimal_places=2, default=Decimal(0))


class Way(models.Model):
    """How a study's raters are checked, asked and paid. One without a row has the plain way."""

    class BonusRule(models.TextChoices):
        NONE = "", "No bonus"
        ACCURACY = "accuracy", "For so many checks in a hundred right"
        COMPLETE = "complete", "For all that was promised"

    study = models.OneToOneField("annotation.Study", models.CASCADE, related_name="stored_way")
    #: About one task in so many is a check, gold or attention; 0: none.
    check_every = models.PositiveSmallIntegerField(default=0)
    #: About one task in so many is judged a second time by its rater; 0: none.
    repeat_every = models.PositiveSmallIntegerField(default=0)
    #: How many checks and training tasks there are, counted at launch.
    check_count = models.PositiveIntegerField(default=0, editable=False)
    training_count = models.PositiveIntegerField(default=0, editable=False)
    #: Tasks in one attempt at the qualification, of which so many in a hundred must be right;
    #: 0: no qualification.
    qualification_tasks = models.PositiveSmallIntegerField(default=0)
    pass_percent = models.PositiveSmallIntegerField(default=70)
    #: So many missed attention tasks fail a rater, at the end; None: none do.
    attention_limit = models.PositiveSmallIntegerField(null=True, blank=True)
    #: The questions after the judging: see `survey.py`.
    survey = models.JSONField(default=list, blank=True)

    #: What the end page shows, by outcome; set at any time, so not frozen.
    code_complete = models.CharField(max_length=64, blank=True)
    code_screened_out = models.CharField(max_length=64, blank=True)
    code_failed = models.CharField(max_length=64, blank=True)
    #: Where the end page leads; `{code}` in it is the code.
    return_url = models.CharField(max_length=300, blank=True)

    currency = models.CharField(max_length=3, blank=True)
    #: For one who is complete, and for one who is screened out.
    pay = _money()
    screened_out_pay = _money()
    #: In place of `pay`: for an hour on tasks, up to so many minutes.
    hourly_pay = _money()
    paid_minutes = models.PositiveIntegerField(default=0)
    bonus = _money()
    bonus_rule = models.CharField(max_length=10, choices=BonusRule, blank=True)
    bonus_percent = models.PositiveSmallIntegerField(default=80)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(check_every=0) | Q(check_every__gte=2), name="checks_leave_room"
            ),
            models.CheckConstraint(
                condition=Q(pass_percent__lte=100), name="pass_mark_can_be_reached"
            ),
        ]

    def __str__(self) -> str:
        return f"the raters' way through {self.study}"


class GoldQuerySet(models.QuerySet["Gold"]):
    def in_use(self) -> GoldQuerySet:
        return self.filter(is_withdrawn=False)

    def checks(self) -> GoldQuerySet:
        return self.filter(kind__in=[Gold.Kind.GOLD, Gold.Kind.ATTENTION])


class Gold(models.Model):
    """A task whose answer is known beforehand: to the server, never to a browser."""

    class Kind(models.TextChoices):
        GOLD = "gold", "Gold: has a right answer; mixed in"
        ATTENTION = "attention", "Attention: whoever reads gets it right; mixed in"
        TRAINING = "training", "Training: before judging, with feedback"
        QUALIFICATION = "qualification", "Qualification: before judging, to be passed"

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="golds")
    task = models.OneToOneField("annotation.Task", models.CASCADE, related_name="gold")
    kind = models.CharField(max_length=20, choices=Kind)
    #: The answers that are right: of the protocol's choices; a and b where sides are asked for.
    expected = models.JSONField(default=list)
    #: Markdown, for raters in training.
    feedback = models.TextField(blank=True)
    #: True once a system of it was withdrawn from the study.
    is_withdrawn = models.BooleanField(default=False, editable=False)

    objects = GoldQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["study", "kind"], name="gold_of_study")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.task}"


class SurveyAnswers(models.Model):
    """What a rater answered after the judging, by the keys of the questions."""

    rater = models.OneToOneField("annotation.Rater", models.CASCADE, related_name="survey_answers")
    answers = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "survey answers"

    def __str__(self) -> str:
        return f"what {self.rater} answered"
