"""What raters say is wrong with a task."""

from __future__ import annotations

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _


class Flag(models.Model):
    """A task that a rater would not judge, and why. The researcher reads it; nothing else does."""

    class Reason(models.TextChoices):
        BROKEN = "broken", _("It is not shown properly")
        UNCLEAR = "unclear", _("I do not understand what is asked")
        UPSETTING = "upsetting", _("It is offensive or upsetting")
        PRIVATE = "private", _("It tells something private about a person")
        OTHER = "other", _("Something else")

    study = models.ForeignKey("annotation.Study", models.CASCADE, related_name="flags")
    assignment = models.OneToOneField("annotation.Assignment", models.PROTECT, related_name="flag")
    reason = models.CharField(max_length=10, choices=Reason)
    text = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.assignment})"
