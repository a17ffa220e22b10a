"""What a report can say about how its outputs came to be."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import Count, Max, Sum

from generation.models import EngineRecord, Job, OutputQuerySet


def cite_jobs(outputs: OutputQuerySet) -> list[dict[str, Any]]:
    """Return one entry for each job that made some of `outputs`, in the order of their ids.

    Counts are of those outputs alone. `engines` has an entry for each way a worker made them, with
    the hashes of weights and tokenizer: more than one says that machines or versions differed.
    """
    found = outputs.done()
    sums = (
        found.order_by()
        .values("job")
        .annotate(
            outputs=Count("pk"),
            prompt_tokens=Sum("prompt_tokens"),
            output_tokens=Sum("output_tokens"),
            seconds=Sum("seconds"),
            finished_at=Max("finished_at"),
        )
    )
    counts: dict[int, dict[str, Any]] = {
        row["job"]: {name: value for name, value in row.items() if name != "job"} for row in sums
    }
    engines = _engines(found)
    jobs = Job.objects.behind(found).select_related("system", "prompt_set")
    return [
        {
            "job": job.pk,
            "system": job.system.slug,
            "prompt_set": job.prompt_set.slug,
            "seed": job.seed,
            "samples": job.samples,
            "settings": job.provenance.get("settings", {}),
            "started_at": job.provenance.get("started_at"),
            **counts[job.pk],
            "finished_at": counts[job.pk]["finished_at"].isoformat(timespec="seconds"),
            "engines": engines[job.pk],
        }
        for job in jobs
    ]


def _engines(outputs: OutputQuerySet) -> dict[int, list[dict[str, Any]]]:
    rows = (
        outputs.filter(engine__isnull=False)
        .order_by("engine_id")
        .values_list("job", "engine_id")
        .annotate(outputs=Count("pk"))
    )
    # Grouped by key and read apart: a record is a few kilobytes, and the outputs may be a million.
    known = EngineRecord.objects.in_bulk({engine for _, engine, _ in rows})
    engines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for job, pk, count in rows:
        engine = known[pk]
        engines[job].append({"sha256": engine.sha256, "outputs": count, **engine.record})
    return engines


def imported_from(outputs: OutputQuerySet) -> list[str]:
    """Return the names of the files that outputs without a job came from."""
    files = outputs.done().filter(job=None).order_by().values_list("provenance__imported_from")
    return sorted({str(name) for (name,) in files.distinct() if name})
