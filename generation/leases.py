"""The queue: workers lease output rows, renew their leases, and finish or fail each row.

Every write names the fence of the lease that allows it. The database's clock decides, because
workers are on other machines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, DateTimeField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from evalsite.lib.db import write_transaction
from evalsite.lib.markdown import render_markdown
from evalsite.lib.text import make_storable, sha256
from generation.backends import GenerationResult
from generation.copies import store_with_copy
from generation.duplicates import settle_copies, without_twins
from generation.media_files.refusals import MediaRefused
from generation.models import EngineRecord, Job, Output

#: After so many leases that ended without a result, a row is taken to be the cause.
MAX_ATTEMPTS = 3
#: What the queue's index holds, written out: SQLite takes a partial index for no parameter, and a
#: lease would read all outputs there are.
_IN_QUEUE = RawSQL(
    "generation_output.state IN ('pending', 'running')", (), output_field=BooleanField()
)


def _from_now(seconds: float) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(
        Now() + Value(timedelta(seconds=seconds)), output_field=DateTimeField()
    )


@write_transaction()
def lease_outputs(*, worker: str, limit: int, seconds: float) -> list[Output]:
    """Lease up to `limit` outputs of one model, prompt by prompt over all systems.

    All of them share backend, model and dtype, so that one batch can hold them. A row's last try is
    its own: whoever is beside the one that ends its workers must not fail with it.
    """
    _give_up_on_repeated_crashes()
    claimable = Output.objects.filter(
        _IN_QUEUE,
        Q(state=Output.State.PENDING) | Q(state=Output.State.RUNNING, lease_until__lt=Now()),
        copy_of=None,
    )
    waiting = without_twins(claimable).order_by("queue_position", "pk").select_related("system")
    if connection.features.has_select_for_update_skip_locked:
        waiting = waiting.select_for_update(skip_locked=True, of=("self",))
    chosen = [output.pk for output in _together(list(waiting[: limit * 4]))][:limit]
    Output.objects.filter(pk__in=chosen).update(
        state=Output.State.RUNNING,
        worker=worker,
        lease_until=_from_now(seconds),
        attempts=F("attempts") + 1,
        fence=F("fence") + 1,
    )
    return list(
        Output.objects.filter(pk__in=chosen)
        .select_related("system", "prompt", "job")
        .order_by("queue_position", "pk")
    )


def _together(waiting: list[Output]) -> list[Output]:
    """Return those that one batch can hold, from the first on."""
    if not waiting or _is_last_try(waiting[0]):
        return waiting[:1]
    model = _model_of(waiting[0])
    return [output for output in waiting if _model_of(output) == model and not _is_last_try(output)]


def _is_last_try(output: Output) -> bool:
    return output.attempts == MAX_ATTEMPTS - 1


def _model_of(output: Output) -> tuple[str, str, str]:
    system = output.system
    return system.backend, system.model, system.settings.get("dtype", "auto")


def _give_up_on_repeated_crashes() -> None:
    dead = list(
        Output.objects.filter(
            _IN_QUEUE,
            state=Output.State.RUNNING,
            lease_until__lt=Now(),
            attempts__gte=MAX_ATTEMPTS,
        ).values_list("pk", flat=True)
    )
    if not dead:
        return
    Output.objects.filter(
        # The same condition again: its worker may have renewed its lease meanwhile.
        Q(pk__in=dead, state=Output.State.RUNNING, lease_until__lt=Now())
        | Q(copy_of__in=dead, state=Output.State.PENDING)
    ).update(
        state=Output.State.FAILED,
        error=f"Its worker ended {MAX_ATTEMPTS} times without a result.",
        lease_until=None,
    )


def _held(output: Output) -> QuerySet[Output]:
    """Select the row only while the lease that was given with `output` is in force."""
    return Output.objects.filter(pk=output.pk, fence=output.fence, state=Output.State.RUNNING)


@write_transaction()
def renew_leases(outputs: Sequence[Output], *, seconds: float) -> set[int]:
    """Prolong the leases; return the keys of those that are still held."""
    return {output.pk for output in outputs if _held(output).update(lease_until=_from_now(seconds))}


def finish_output(
    output: Output,
    result: GenerationResult,
    *,
    engine: EngineRecord | None = None,
    record: Mapping[str, Any] | None = None,
) -> bool:
    """Store the text, once and for good. False: the lease was lost, nothing is written.

    A model can spell bytes that no database takes as text; they are replaced. A file is stored
    before the row that names it. `record` joins what the backend says of the row.
    """
    text = make_storable(result.text)
    try:
        media = store_with_copy(result.media.content) if result.media else None
    except MediaRefused as refused:
        return fail_output(output, error=str(refused))
    return _write(
        output,
        state=Output.State.DONE,
        text=text,
        html=render_markdown(text),
        media=media,
        text_hash=media.sha256 if media else sha256(text),
        finish_reason=result.finish_reason,
        prompt_tokens=result.prompt_tokens,
        output_tokens=result.output_tokens,
        seconds=result.seconds,
        error="",
        engine=engine,
        provenance={
            **result.provenance,
            **(record or {}),
            "attempt": output.attempts,
            "worker": output.worker,
        },
        finished_at=Now(),
    )


def fail_output(output: Output, *, error: str) -> bool:
    """Mark the row failed with its reason. False: the lease was lost, nothing is written."""
    error = make_storable(error[:2000])
    return _write(output, state=Output.State.FAILED, error=error, finished_at=Now())


@write_transaction()
def _write(output: Output, **values: Any) -> bool:
    written = bool(_held(output).update(lease_until=None, **values))
    if written:
        settle_copies(output, values)
    return written


@write_transaction()
def release_outputs(outputs: Sequence[Output]) -> int:
    """Give unfinished rows back at once, as if this lease had not been."""
    return sum(
        _held(output).update(
            state=Output.State.PENDING, lease_until=None, worker="", attempts=F("attempts") - 1
        )
        for output in outputs
    )


@write_transaction()
def record_engine(record: Mapping[str, Any]) -> EngineRecord:
    """Store what makes outputs; the same record is one row, whoever brings it."""
    canonical = json.dumps(record, sort_keys=True, ensure_ascii=False)
    row, _ = EngineRecord.objects.get_or_create(
        sha256=sha256(canonical), defaults={"record": json.loads(canonical)}
    )
    return row


@write_transaction()
def record_provenance(job: Job, provenance: dict[str, Any]) -> None:
    """Write what makes the job's outputs, once; the first worker's word stands."""
    Job.objects.filter(pk=job.pk, provenance={}).update(provenance=provenance)
