"""Our own workers placed on a Ray cluster: Ray finds the GPUs, the database stays the queue.

Every node needs evalsite, what its backends import, and the keys of servers in its environment. Ray
is imported inside functions, and Django is set up on the node before anything that needs it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generation.exceptions import WorkersKeepDying

logger = logging.getLogger(__name__)

#: What a worker needs of this process's environment; nothing else is sent over the cluster.
PASSED_ON = (
    "DJANGO_SETTINGS_MODULE", "DATABASE_URL", "EVALSITE_DATA", "EVALSITE_MODEL_ROOTS",
    "EVALSITE_OPENAI_URLS", "EVALSITE_OPENAI_CONCURRENCY",
    "EVALSITE_OPENAI_SECONDS", "EVALSITE_ROW_SECONDS", "EVALSITE_ALLOW_HUB",
    "EVALSITE_MEDIA_OPTIONS", "EVALSITE_MEDIA_URL",
    "EVALSITE_MAX_MEDIA_MB", "EVALSITE_MAX_MEDIA_SECONDS", "EVALSITE_LOG_LEVEL",
    "OMP_NUM_THREADS",
)  # fmt: skip
POLL_SECONDS = 1.0
#: Between restarts; and what a worker lives at least, unless something is wrong with all of them.
RESTART_SECONDS, EARLY_SECONDS = 2.0, 60.0
#: A worker that does not answer by then when it is asked to stop has no place yet.
STOP_SECONDS = 10.0


class PlacedWorker:
    """One worker in a process of its own on some node. Ray calls its methods from threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        os.environ.update(environment)
        import django

        django.setup()
        from generation.worker import Worker

        self.worker = Worker()

    def run(self, *, drain: bool, lease_seconds: float) -> int:
        self.worker.lease_seconds = lease_seconds
        return self.worker.run(drain=drain)

    def stop(self) -> None:
        self.worker.stop.set()


@dataclass(frozen=True)
class Placed:
    actor: Any
    at: float


class RayWorkers:
    """Keeps `count` workers alive until they have drained the queue, or until `stop` is set."""

    def __init__(self, *, count: int, gpus: float, drain: bool, lease_seconds: float) -> None:
        self.count, self.gpus = count, gpus
        self.drain, self.lease_seconds = drain, lease_seconds
        self.stop = threading.Event()
        self.restarts = 0
        self._placed: dict[Any, Placed] = {}
        self._finished = 0
        self._early_deaths = 0

    def run(self) -> int:
        """Place the workers and watch them; return how many rows those finished that ended well.

        Raises `WorkersKeepDying` when they die as soon as they are placed, one after another.
        """
        import ray

        for _ in range(self.count):
            self._place()
        asked = False
        while self._placed:
            if self.stop.is_set() and not asked:
                self._ask_to_stop()
                asked = True
            ended, _ = ray.wait(list(self._placed), timeout=POLL_SECONDS)
            for ref in ended:
                self._end(ref)
        return self._finished

    def _place(self) -> None:
        """Ask for a worker; Ray holds it back until a node has a GPU for it."""
        import ray

        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        options = {"num_gpus": self.gpus, "num_cpus": 1, "max_concurrency": 2}
        # The environment is an argument, because Ray's dashboard shows a runtime environment.
        actor = ray.remote(**options)(PlacedWorker).remote(environment)
        ref = actor.run.remote(drain=self.drain, lease_seconds=self.lease_seconds)
        self._placed[ref] = Placed(actor, time.monotonic())

    def _ask_to_stop(self) -> None:
        import ray

        actors = {placed.actor.stop.remote(): placed.actor for placed in self._placed.values()}
        _, silent = ray.wait(list(actors), num_returns=len(actors), timeout=STOP_SECONDS)
        for ref in silent:
            ray.kill(actors[ref])

    def _end(self, ref: Any) -> None:
        """Count what an ended worker did; put another in the place of one that died."""
        import ray

        placed = self._placed.pop(ref)
        try:
            self._finished += ray.get(ref)
        except ray.exceptions.RayError as error:
            if self.stop.is_set():
                return
            reason = str(error).strip().splitlines()[-1]
            logger.warning("A worker died: %s", reason)
            is_early = time.monotonic() - placed.at < EARLY_SECONDS
            self._early_deaths = self._early_deaths + 1 if is_early else 0
            if self._early_deaths > 2 * self.count + 2:
                raise WorkersKeepDying(
                    f"Workers die as soon as they are placed: {reason}"
                ) from None
            self.stop.wait(RESTART_SECONDS)
            self.restarts += 1
            self._place()
