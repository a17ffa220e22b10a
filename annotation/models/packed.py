"""Judgments put together, for those who read all of them."""

from __future__ import annotations

from django.db import models


class PackedJudgments(models.Model):
    """A stretch of a study's judgments as one row: see `annotation.quality.packing`.

    Judgments are only added, so a stretch that is settled never changes.
    """

    study = models.ForeignKey(
        "annotation.Study", models.CASCADE, related_name="packed", editable=False
    )
    #: The stretch holds the judgments with an id above the one and up to the other.
    after = models.BigIntegerField(editable=False)
    upto = models.BigIntegerField(editable=False)
    rows = models.BinaryField(editable=False)
    #: The different answers in the stretch, where they are more than a verdict or a score.
    answers = models.JSONField(default=list, editable=False)

    class Meta:
        ordering = ["study", "after"]
        constraints = [
            models.UniqueConstraint(fields=["study", "after"], name="stretch_packed_once")
        ]

    def __str__(self) -> str:
        return f"judgments {self.after + 1} to {self.upto} of {self.study}"
