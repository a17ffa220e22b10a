"""Automated scores of a study's systems, to stand beside the human ones."""

from __future__ import annotations

from typing import Any

from annotation.models import Study
from ranking.models import Score


def benchmark_rows(study: Study) -> list[dict[str, Any]]:
    """Return one row a score of the newest run of each system on each benchmark and version."""
    scores = (
        Score.objects.filter(benchmark_run__system__in=study.systems.all())
        .select_related("benchmark_run__benchmark", "benchmark_run__system")
        .order_by(
            "benchmark_run__benchmark__harness",
            "benchmark_run__benchmark__task",
            "metric",
            "filter",
            "benchmark_run__system__name",
            "benchmark_run__imported_at",
            "pk",
        )
    )
    newest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for score in scores:
        run = score.benchmark_run
        key = (run.benchmark_id, score.metric, score.filter, run.system_id, run.task_version)
        newest[key] = {
            "system": run.system.slug,
            "name": run.system.name,
            "benchmark": run.benchmark.task,
            "harness": run.benchmark.harness,
            "harness_version": run.harness_version or (run.git_hash and f"git {run.git_hash}"),
            "task_version": run.task_version,
            "metric": score.metric,
            "filter": score.filter,
            "value": score.value,
            "stderr": score.stderr,
            "higher_is_better": score.higher_is_better,
            "shots": run.shots,
            "size": run.size,
            "is_limited": run.is_limited,
        }
    return list(newest.values())
