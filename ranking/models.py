"""What it adds up to: Leaderboard and Standing; Benchmark, BenchmarkRun and Score beside them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.timezone import now

from annotation.models import Study
from generation.models import System


class Rollup(models.Model):
    """The counts of a study's judgments up to a watermark: see `ranking.rollups`."""

    study = models.OneToOneField(
        Study, models.CASCADE, primary_key=True, related_name="rollup", editable=False
    )
    #: All judgments with an id up to this are in the cells.
    watermark = models.BigIntegerField(default=0, editable=False)
    #: Primary keys; a cell holds their places in these lists.
    prompts = models.JSONField(default=list, editable=False)
    raters = models.JSONField(default=list, editable=False)
    cells = models.BinaryField(default=b"", editable=False)
    #: Judgments in the cells, those included that were corrected since.
    recorded = models.PositiveBigIntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return f"counts of {self.study}"


class Leaderboard(models.Model):
    """A dated, immutable fit of one study. A refit is a new row."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="leaderboards")
    created_at = models.DateTimeField(default=now, editable=False)
    judgment_count = models.PositiveIntegerField(editable=False)
    #: The end of an unguessable link; empty: not shared.
    share_token = models.CharField(max_length=64, blank=True, default="", db_index=True)
    #: The whole report as `ranking.reports.build_report` made it: DESIGN section 6.
    report = models.JSONField(editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.study}, {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def share_path(self) -> str:
        return reverse("ranking:shared", args=[self.share_token]) if self.share_token else ""


class Standing(models.Model):
    """One system's row in a leaderboard, as columns for queries and the API."""

    leaderboard = models.ForeignKey(Leaderboard, models.CASCADE, related_name="standings")
    system = models.ForeignKey(System, models.PROTECT, related_name="standings")
    rank = models.PositiveIntegerField()
    rank_low = models.PositiveIntegerField()
    rank_high = models.PositiveIntegerField()
    #: Win rate, mean score or what else the protocol is ranked by, with its interval.
    value = models.FloatField()
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    judgments = models.PositiveIntegerField()

    class Meta:
        ordering = ["leaderboard", "rank", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["leaderboard", "system"], name="system_once_per_leaderboard"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rank}. {self.system}"


class Benchmark(models.Model):
    """An automated test: a task of a harness, or a metric of our own."""

    harness = models.CharField(max_length=40)
    task = models.CharField(max_length=200)

    class Meta:
        ordering = ["harness", "task"]
        constraints = [
            models.UniqueConstraint(fields=["harness", "task"], name="benchmark_once_per_harness")
        ]

    def __str__(self) -> str:
        return self.task


class BenchmarkRunQuerySet(models.QuerySet["BenchmarkRun"]):
    def owned_by(self, user: Any) -> BenchmarkRunQuerySet:
        return self.filter(system__owner=user)


class BenchmarkRun(models.Model):
    """One system measured on one benchmark by one version of one harness."""

    benchmark = models.ForeignKey(Benchmark, models.PROTECT, related_name="benchmark_runs")
    system = models.ForeignKey(System, models.PROTECT, related_name="benchmark_runs")
    harness_version = models.CharField(max_length=60, blank=True)
    git_hash = models.CharField(max_length=64, blank=True)
    task_version = models.CharField(max_length=60, blank=True)
    task_hash = models.CharField(max_length=64, blank=True)
    shots = models.PositiveSmallIntegerField(null=True, blank=True)
    size = models.PositiveIntegerField(null=True, blank=True)
    #: Fewer documents than the task has were used: not to be compared.
    is_limited = models.BooleanField(default=False)
    measured_at = models.DateTimeField(null=True, blank=True)
    imported_at = models.DateTimeField(default=now, editable=False)
    #: File name and sha256, model arguments, seeds, chat template: what a reviewer asks for.
    provenance = models.JSONField(default=dict, blank=True)

    objects = BenchmarkRunQuerySet.as_manager()

    class Meta:
        ordering = ["benchmark", "system", "-measured_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.system} on {self.benchmark}"


class Score(models.Model):
    """A value of one metric in a benchmark run."""

    benchmark_run = models.ForeignKey(BenchmarkRun, models.CASCADE, related_name="scores")
    metric = models.CharField(max_length=100)
    #: How answers were taken from the text (`none`, `strict-match`, ...).
    filter = models.CharField(max_length=100, blank=True)
    value = models.FloatField()
    stderr = models.FloatField(null=True, blank=True)
    higher_is_better = models.BooleanField(null=True)

    class Meta:
        ordering = ["benchmark_run", "metric", "filter"]
        constraints = [
            models.UniqueConstraint(
                fields=["benchmark_run", "metric", "filter"], name="metric_once_per_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.value:.3f}"
