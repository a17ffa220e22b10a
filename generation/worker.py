"""The worker: lease outputs, generate them in batches, finish each row by itself."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.db import DatabaseError, connection
from django.utils.timezone import now

from generation import leases
from generation.backends import (
    BACKENDS,
    Backend,
    GenerationRequest,
    GenerationResult,
    load_backend,
    own_settings,
)
from generation.backends.machine import describe_machine, peak_memory
from generation.backends.settings import parse_settings
from generation.exceptions import DeviceLost
from generation.models import EngineRecord, Output

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
IDLE_SECONDS = 1.0
FIRST_BATCH = 8


class Worker:
    """One process that generates. `stop` is set by SIGTERM and SIGINT."""

    def __init__(
        self,
        *,
        name: str = "",
        batch_size: int | None = None,
        lease_seconds: float = LEASE_SECONDS,
        on_row: Callable[[Output, GenerationResult], None] = lambda output, result: None,
    ) -> None:
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.batch_size = batch_size
        self.lease_seconds = lease_seconds
        self.on_row = on_row
        self.stop = threading.Event()
        self._backend: Backend | None = None
        self._loaded: tuple[str, str, str] | None = None
        self._engine: EngineRecord | None = None
        self._engine_slots = 0
        #: How many rows each model that was loaded before had room for.
        self._slots: dict[tuple[str, str, str], int] = {}
        self._batches = 0
        self._batch_record: dict[str, Any] = {}

    def run(self, *, drain: bool) -> int:
        """Work until stopped, or with `drain` until nothing waits; return the rows finished.

        Raises `DeviceLost` when only a new process can go on.
        """
        finished = 0
        with self._signals():
            while not self.stop.is_set():
                outputs = leases.lease_outputs(
                    worker=self.name, limit=self._limit(), seconds=self.lease_seconds
                )
                if outputs:
                    finished += self._work(outputs)
                elif drain and not Output.objects.unfinished().exists():
                    break
                else:
                    self.stop.wait(IDLE_SECONDS)
        return finished

    def _limit(self) -> int:
        return self.batch_size or max(self._rows_per_call(), FIRST_BATCH)

    def _rows_per_call(self) -> int:
        """Return how many rows the backend that is loaded is given at once; 0: none is."""
        if self._backend is None or self._loaded is None:
            return 0
        return BACKENDS[self._loaded[0]].rows_per_slot * self._backend.batch_size

    def _work(self, outputs: list[Output]) -> int:
        """Generate a leased batch; what is not finished when this ends is given back."""
        left = {output.pk: output for output in outputs}
        finished = 0
        with self._heartbeat(left):
            try:
                for result in self._results(outputs):
                    output = left.pop(result.key)
                    finished += self._store(output, result)
            except DeviceLost as error:
                self._blame(left, error)
                raise
            finally:
                leases.release_outputs(list(left.values()))
        return finished

    def _blame(self, left: dict[int, Output], error: DeviceLost) -> None:
        """Fail the row that was alone when the device was lost; let leases of several run out.

        So this try counts for each of them; for none where no model was in memory yet.
        """
        if self._backend is None:
            return
        if len(left) == 1:
            leases.fail_output(*left.values(), error=str(error))
        left.clear()

    def _results(self, outputs: list[Output]) -> Iterator[GenerationResult]:
        """Yield a result for every row; when a batch fails as a whole, try its rows one by one."""
        waiting = {output.pk: output for output in outputs}
        try:
            for result in self._calls(outputs):
                del waiting[result.key]
                yield result
        except DeviceLost:
            raise
        except Exception as error:  # whatever else an engine raises must not end the worker
            logger.exception("A batch of %d rows failed", len(outputs))
            if self._backend is None or len(outputs) == 1:
                for key in waiting:
                    yield GenerationResult(key=key, error=f"{type(error).__name__}: {error}")
                return
            for output in waiting.values():
                yield from self._results([output])

    def _calls(self, outputs: list[Output]) -> Iterator[GenerationResult]:
        """Yield a result for every row, as many rows a call as the backend takes."""
        backend = self._load(outputs)
        size = self._rows_per_call()
        for start in range(0, len(outputs), size):
            if self.stop.is_set():
                return
            yield from self._batch(backend, outputs[start : start + size])

    def _batch(self, backend: Backend, batch: list[Output]) -> Iterator[GenerationResult]:
        """Yield results, and note what is common to their rows; leave early if asked to stop."""
        self._engine = self._engine_of(backend)
        self._batches += 1
        self._batch_record = {
            "batch": f"{self.name}-{self._batches}",
            "started_at": now().isoformat(timespec="milliseconds"),
        }
        for result in backend.generate([_request(output) for output in batch]):
            if result is not None:
                # Anew, as a shortage of memory may have left it fewer slots.
                self._engine = self._engine_of(backend)
                yield result
            elif self.stop.is_set():
                return

    def _engine_of(self, backend: Backend) -> EngineRecord:
        """Return what `backend` is now: hashed once when loaded, again if it has fewer slots."""
        if self._engine is None or self._engine_slots != backend.batch_size:
            self._engine_slots = backend.batch_size
            return leases.record_engine(_engine_record(backend))
        return self._engine

    def _load(self, outputs: Sequence[Output]) -> Backend:
        system = outputs[0].system
        wanted = (system.backend, system.model, system.settings.get("dtype", "auto"))
        if self._backend is None or self._loaded != wanted:
            self._backend = self._exchanged(wanted)
            self._loaded, self._engine = wanted, None
        for output in {o.job_id: o for o in outputs}.values():
            if output.job and not output.job.provenance:
                self._engine = self._engine_of(self._backend)
                made_by = {
                    **self._engine.record,
                    "settings": output.system.settings,
                    "seed": output.job.seed,
                    "started_at": now().isoformat(timespec="seconds"),
                }
                leases.record_provenance(output.job, made_by)
        return self._backend

    def _exchanged(self, wanted: tuple[str, str, str]) -> Backend:
        """Load another model in place of the last; a shortage of memory is not forgotten."""
        if self._backend and self._loaded:
            self._slots[self._loaded] = self._backend.batch_size
        self._backend = None
        gc.collect()  # a model refers to itself, and would stay in memory beside the next one
        backend = load_backend(wanted[0], wanted[1], dtype=wanted[2])
        backend.batch_size = min(self._slots.get(wanted, backend.batch_size), backend.batch_size)
        return backend

    def _store(self, output: Output, result: GenerationResult) -> bool:
        if result.error:
            stored = leases.fail_output(output, error=result.error)
        else:
            record = {**self._batch_record, **peak_memory()}
            stored = leases.finish_output(output, result, engine=self._engine, record=record)
        if stored:
            self.on_row(output, result)
        return stored

    @contextmanager
    def _heartbeat(self, held: dict[int, Output]) -> Iterator[None]:
        """Renew the leases of the rows in `held` from a thread while the block runs."""
        done = threading.Event()

        def beat() -> None:
            try:
                while not done.wait(self.lease_seconds / 3):
                    try:
                        leases.renew_leases(list(held.values()), seconds=self.lease_seconds)
                    except DatabaseError:
                        logger.exception("The leases were not renewed; the next beat tries again")
                        connection.close()
            finally:
                connection.close()  # the thread's own

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end the loop after the batch at hand."""

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            self.stop.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, ask_to_stop) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _engine_record(backend: Backend) -> dict[str, Any]:
    machine, own = describe_machine(), backend.provenance()
    versions = {**machine["versions"], **own.get("versions", {})}
    return {**machine, **own, "versions": versions}


def _request(output: Output) -> GenerationRequest:
    prompt = output.prompt
    return GenerationRequest(
        key=output.pk,
        messages=prompt.messages or [{"role": "user", "content": prompt.text}],
        settings=parse_settings(output.system.settings, own=own_settings(output.system.backend)),
        seed_key=seed_key(output),
    )


def seed_key(output: Output) -> bytes:
    """Return what decides the row's random numbers: job seed, system, prompt and sample."""
    seed = output.job.seed if output.job else 0
    parts = (str(seed), output.system.slug, output.prompt.key, str(output.sample))
    return hashlib.sha256("\x00".join(parts).encode()).digest()
