"""Rules that a study declares about its raters."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.timezone import now

from annotation.quality.rules import RuleSpec


class RuleQuerySet(models.QuerySet["Rule"]):
    def in_force(self) -> RuleQuerySet:
        return self.filter(retired_at=None)


class Rule(models.Model):
    """A rule by which judgments are left out. It never changes: a better one has another name."""

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="rules")
    name = models.CharField(max_length=60)
    measure = models.CharField(max_length=30)
    threshold = models.FloatField()
    least = models.PositiveIntegerField(default=1)
    per = models.PositiveIntegerField(default=0)
    beyond_doubt = models.BooleanField(default=True)
    #: The slug of the system that the measure is about, where it is about one.
    system = models.CharField(max_length=100, blank=True)
    #: True when it was declared after the launch, when there were judgments to look at.
    is_amendment = models.BooleanField(default=False, editable=False)
    declared_at = models.DateTimeField(default=now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RuleQuerySet.as_manager()

    class Meta:
        ordering = ["study", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["study", "name"], name="rule_name_once_per_study"),
            models.CheckConstraint(condition=~Q(per=1), name="rule_stretch_is_more_than_one"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def spec(self) -> RuleSpec:
        return RuleSpec(
            name=self.name,
            measure=self.measure,
            threshold=self.threshold,
            least=self.least,
            per=self.per,
            beyond_doubt=self.beyond_doubt,
            system=self.system,
        )
