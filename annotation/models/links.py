"""Links that many may open, and who came by them."""

from __future__ import annotations

from django.core.signing import Signer
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from evalsite.lib.text import public_id

#: Signs open links, apart from personal ones: neither passes for the other.
OPEN_LINK_SALT = "annotation.open-link"


class OpenLinkQuerySet(models.QuerySet["OpenLink"]):
    def admitting(self) -> OpenLinkQuerySet:
        return self.filter(closed_at=None, opened__lt=F("cap"))


class OpenLink(models.Model):
    """A link that admits raters until `cap` have come, or it is closed."""

    class Platform(models.TextChoices):
        """Whose parameters the link expects in its address; they are in `platforms.py`."""

        NONE = "", "None: anybody who has the link"
        PROLIFIC = "prolific", "Prolific"
        MTURK = "mturk", "MTurk"

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="open_links")
    public_id = models.CharField(max_length=20, unique=True, default=public_id, editable=False)
    platform = models.CharField(max_length=10, choices=Platform, blank=True)
    cap = models.PositiveIntegerField()
    #: Of the raters who come by it, as `Rater.group`.
    group = models.CharField(max_length=60, blank=True)
    opened = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OpenLinkQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(opened__lte=F("cap")), name="open_link_within_its_cap"
            )
        ]

    def __str__(self) -> str:
        return f"open link {self.pk} of {self.study}"

    @property
    def token(self) -> str:
        return Signer(salt=OPEN_LINK_SALT).sign(self.public_id)

    def take_place(self) -> bool:
        """Count one more who came, if there is room. One statement: a cap of N admits N."""
        taken = OpenLink.objects.admitting().filter(pk=self.pk).update(opened=F("opened") + 1)
        if taken:
            self.refresh_from_db(fields=["opened"])
        return bool(taken)


class Arrival(models.Model):
    """Who came by an open link, with what the platform says of them.

    The platform's id names a person to the researcher and to nobody else: it opens no session.
    """

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="arrivals")
    rater = models.OneToOneField("annotation.Rater", models.CASCADE, related_name="arrival")
    link = models.ForeignKey(OpenLink, models.PROTECT, related_name="arrivals")
    #: PROLIFIC_PID, workerId; empty where the link belongs to no platform.
    person = models.CharField(max_length=100, blank=True)
    #: STUDY_ID, hitId.
    listing = models.CharField(max_length=100, blank=True)
    #: SESSION_ID, assignmentId.
    visit = models.CharField(max_length=100, blank=True)
    #: How often somebody came with the same id and without this rater's cookie.
    refused = models.PositiveIntegerField(default=0, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "person"], condition=~Q(person=""), name="person_once_per_study"
            )
        ]

    def __str__(self) -> str:
        return self.person or str(self.rater)
