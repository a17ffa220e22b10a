"""How far a job is, and how fast: what its page and the terminal show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Max, Min, Q, Sum
from django.utils.timezone import now

from generation.models import Job, Output

#: The pace is that of the last so many seconds.
WINDOW_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What was finished of a job lately; None where too little was to say."""

    outputs: int
    #: Per second.
    tokens: float | None
    seconds_left: float | None

    @property
    def minutes_left(self) -> float | None:
        return None if self.seconds_left is None else self.seconds_left / 60


def pace_of(job: Job, *, left: int) -> Pace:
    """Measure the pace of the last minute, over the time from its first output to now."""
    at = now()
    lately = job.outputs.filter(finished_at__gt=at - timedelta(seconds=WINDOW_SECONDS))
    found = lately.order_by().aggregate(
        outputs=Count("pk"),
        # A copy of a greedy output took no time.
        tokens=Sum("output_tokens", filter=Q(copy_of=None)),
        first=Min("finished_at"),
        last=Max("finished_at"),
    )
    if found["outputs"] < 2 or found["first"] == found["last"]:
        return Pace(outputs=found["outputs"], tokens=None, seconds_left=None)
    seconds = (at - found["first"]).total_seconds()
    return Pace(
        outputs=found["outputs"],
        tokens=None if found["tokens"] is None else found["tokens"] / seconds,
        seconds_left=left * seconds / found["outputs"] if left else None,
    )


def workers_on(job: Job) -> list[str]:
    """Return the names of the workers that hold a lease on the job's outputs."""
    running = job.outputs.filter(state=Output.State.RUNNING).order_by("worker")
    return list(running.values_list("worker", flat=True).distinct())


def device_of(job: Job) -> str:
    """Return what the job's first worker ran on; nothing before there was one."""
    record = job.provenance
    gpus = record.get("gpus") or []
    return ", ".join(gpus) or str(record.get("device") or record.get("cpu") or "")
