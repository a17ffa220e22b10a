"""Attempts at the audio gate."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.timezone import now


class AudioCheck(models.Model):
    """One attempt of one rater: what was played, what was right, what was answered.

    None of it is in a page: a browser sees the ids of the sounds of the part that is being done.
    """

    rater = models.ForeignKey("annotation.Rater", models.CASCADE, related_name="audio_checks")
    #: From 1.
    number = models.PositiveSmallIntegerField()
    #: Makes the sounds, the same whenever they are asked for.
    seed = models.BigIntegerField()
    #: In order, each with `name`, `form` and `sounds` (ids), `right`, and `answers` once given.
    parts = models.JSONField(default=list)
    has_passed = models.BooleanField(null=True)
    #: When the volume was set, and the first sounds made.
    begun_at = models.DateTimeField(default=now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["rater", "number"]
        constraints = [
            models.UniqueConstraint(fields=["rater", "number"], name="audio_attempt_once"),
            models.CheckConstraint(
                condition=Q(has_passed=None, ended_at=None)
                | Q(has_passed__isnull=False, ended_at__isnull=False),
                name="audio_attempt_ends_with_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.rater} at the audio gate"

    @property
    def current(self) -> dict[str, Any] | None:
        """The part that is to be answered now."""
        if self.ended_at is not None:
            return None
        return next((part for part in self.parts if "answers" not in part), None)

    def end(self, *, has_passed: bool) -> None:
        self.has_passed, self.ended_at = has_passed, now()
