"""The people who judge."""

from __future__ import annotations

from django.core.signing import Signer
from django.db import connection, models
from django.db.models import Q
from django.utils.timezone import now

from annotation.models.studies import Study
from evalsite.lib.text import public_id

#: Signs the invite links: a link cannot be forged, and a leaked database holds none.
INVITE_SALT = "annotation.invite"


class RaterQuerySet(models.QuerySet["Rater"]):
    def with_progress(self) -> RaterQuerySet:
        """Annotate `judged`: answers that count towards the target, and judgments imported."""
        first = Q(
            judgments__supersedes=None,
            judgments__task__is_gold=False,
            judgments__is_repeat=False,
        )
        return self.annotate(judged=models.Count("judgments", filter=first))


class Rater(models.Model):
    """A person who judges in a study. The stamps say which steps are done: see `steps.py`."""

    class Outcome(models.TextChoices):
        COMPLETE = "complete", "Complete"
        SCREENED_OUT = "screened_out", "Screened out"
        FAILED = "failed", "Failed attention tasks"

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
    #: When they began, and how many tasks they were promised then; None: the study's quota.
    admitted_at = models.DateTimeField(null=True, blank=True, editable=False)
    quota = models.PositiveIntegerField(null=True, blank=True, editable=False)
    consented_at = models.DateTimeField(null=True, blank=True, editable=False)
    instructed_at = models.DateTimeField(null=True, blank=True, editable=False)
    trained_at = models.DateTimeField(null=True, blank=True, editable=False)
    qualified_at = models.DateTimeField(null=True, blank=True, editable=False)
    judging_ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    surveyed_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: True when there was less to judge than was promised: paid in full all the same.
    is_filled_up = models.BooleanField(default=False, editable=False)
    #: How it ended; empty while the rater is on the way.
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True, editable=False)
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
    def promised(self) -> int:
        """How many tasks this rater is to judge, checks not counted."""
        return self.study.quota if self.quota is None else self.quota

    @property
    def invite_token(self) -> str:
        return Signer(salt=INVITE_SALT).sign(self.public_id)

    def lock(self) -> None:
        """Make the same rater's other tab wait until this transaction is over."""
        if connection.features.has_select_for_update:
            Rater.objects.select_for_update(no_key=True).values("pk").get(pk=self.pk)

    def stamp(self, field: str) -> None:
        """Note when something first happened; later times leave it alone."""
        if getattr(self, field) is None:
            setattr(self, field, now())
            self.save(update_fields=[field])

    def end(self, outcome: Outcome) -> None:
        """Note how the rater's way ended, and when it first did."""
        self.outcome = outcome
        self.save(update_fields=["outcome"])
        self.stamp("finished_at")
