"""`manage.py run_ray_workers --workers N`."""

from __future__ import annotations

import os
import signal
from argparse import ArgumentParser
from importlib.util import find_spec
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.exceptions import InputRefused
from generation.ray_workers import RayWorkers

MAX_WORKERS = 10_000


class Command(EvalsiteCommand):
    help = (
        "Run generation workers on a Ray cluster, one for each GPU that it has free, and put "
        "another in the place of one that dies. Without --address, a Ray of this machine's own is "
        "started."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workers", type=int, required=True, metavar="N")
        parser.add_argument("--address", help="of the cluster, such as ray://head:10001 or auto")
        parser.add_argument("--gpus", type=float, default=1.0, help="for each worker; 0: on CPUs")
        parser.add_argument("--drain", action="store_true", help="end when nothing is pending")
        parser.add_argument("--lease-seconds", type=float, default=60.0)

    def handle(
        self,
        *,
        workers: int,
        address: str | None,
        gpus: float,
        drain: bool,
        lease_seconds: float,
        **_: Any,
    ) -> None:
        _check(workers, gpus, lease_seconds)
        placed = RayWorkers(count=workers, gpus=gpus, drain=drain, lease_seconds=lease_seconds)
        _connect(address, workers, gpus)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: placed.stop.set())
        finished = placed.run()
        self.stdout.write(f"{finished} outputs finished, {placed.restarts} workers restarted")


def _check(workers: int, gpus: float, lease_seconds: float) -> None:
    if find_spec("ray") is None:
        raise InputRefused("Ray is not installed", expected="pip install evalsite[ray]")
    if not 1 <= workers <= MAX_WORKERS:
        raise InputRefused(f"--workers is {workers}", expected=f"1 to {MAX_WORKERS}")
    if not 0 <= gpus <= 64:
        raise InputRefused(f"--gpus is {gpus:g}", expected="0 to 64")
    if not 1 <= lease_seconds <= 86_400:
        raise InputRefused(f"--lease-seconds is {lease_seconds:g}", expected="1 to 86400")


def _connect(address: str | None, workers: int, gpus: float) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    try:
        ray.init(address=address or "local", **({} if address else own))
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputRefused(
            f"no Ray at {address}: {error}", expected="the address of a cluster"
        ) from None
    free = ray.cluster_resources().get("GPU", 0)
    if gpus > free:
        ray.shutdown()
        raise InputRefused(f"the cluster has {free:g} GPUs", expected=f"{gpus:g} for a worker")
