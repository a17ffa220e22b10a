"""`manage.py run_generation_worker`: run one for each GPU."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.exceptions import InputRefused
from generation.exceptions import DeviceLost
from generation.progress import Progress
from generation.worker import Worker

MAX_BATCH = 4096
MAX_LEASE_SECONDS = 86_400


class Command(EvalsiteCommand):
    help = (
        "Lease pending outputs and generate them, until stopped (Ctrl-C or SIGTERM finishes the "
        "batch at hand). Any number of workers can run on the same database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drain", action="store_true", help="end when nothing is pending")
        parser.add_argument("--batch-size", type=int, help="rows leased at once")
        parser.add_argument("--lease-seconds", type=float, default=60.0)
        parser.add_argument("--worker", default="", help="its name (default: host and process)")

    def handle(
        self,
        *,
        drain: bool,
        batch_size: int | None,
        lease_seconds: float,
        worker: str,
        **_: Any,
    ) -> None:
        _check(batch_size, lease_seconds, worker)
        progress = Progress()
        made = Worker(
            name=worker, batch_size=batch_size, lease_seconds=lease_seconds, on_row=progress.row
        )
        try:
            finished = made.run(drain=drain)
        except DeviceLost as error:
            # Not bad input: whoever keeps workers running should start another.
            raise CommandError(str(error), returncode=1) from error
        finally:
            progress.close()
        if drain:
            self.stdout.write(f"{finished} outputs finished")


def _check(batch_size: int | None, lease_seconds: float, worker: str) -> None:
    if batch_size is not None and not 1 <= batch_size <= MAX_BATCH:
        raise InputRefused(f"--batch-size is {batch_size}", expected=f"1 to {MAX_BATCH}")
    if not 1 <= lease_seconds <= MAX_LEASE_SECONDS:
        raise InputRefused(
            f"--lease-seconds is {lease_seconds:g}", expected=f"1 to {MAX_LEASE_SECONDS}"
        )
    if len(worker) > 100:
        raise InputRefused(f"--worker has {len(worker)} characters", expected="at most 100")
