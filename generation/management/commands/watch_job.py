"""`manage.py watch_job JOB`: how far a job is, in the terminal; cancel it, or try again."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from tqdm import tqdm

from evalsite.lib.commands import EvalsiteCommand
from generation.job_progress import device_of, pace_of, workers_on
from generation.lookup import job_numbered
from generation.models import Job, Output
from generation.services import cancel_job, retry_failed

LOOK_SECONDS = 1.0


class Command(EvalsiteCommand):
    help = (
        "Say how far a job is: outputs done, failed and left, tokens a second, time left, workers "
        "and device, and why outputs failed. On a terminal it goes on until nothing is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("job", type=int, help="its number")
        parser.add_argument("--once", action="store_true", help="say it once")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--cancel", action="store_true", help="take what is left from the queue")
        what.add_argument(
            "--retry", action="store_true", help="queue what failed or was cancelled again"
        )

    def handle(self, *, job: int, once: bool, cancel: bool, retry: bool, **_: Any) -> None:
        watched = job_numbered(job)
        if cancel:
            self.stdout.write(f"{cancel_job(watched)} outputs cancelled")
        if retry:
            self.stdout.write(f"{retry_failed(watched)} outputs queued again")
        if not once and sys.stderr.isatty():
            self._follow(watched)
        self._say(job_numbered(job))

    def _follow(self, job: Job) -> None:
        """Show a bar until nothing is left; Ctrl-C leaves the job alone."""
        with tqdm(total=job.total, unit=" outputs", leave=False) as bar:
            while True:
                job = job_numbered(job.pk)
                bar.n = job.total - job.pending - job.running
                bar.set_postfix_str(_pace(job))
                if not job.pending + job.running:
                    return
                time.sleep(LOOK_SECONDS)

    def _say(self, job: Job) -> None:
        left = job.pending + job.running
        self.stdout.write(
            f"{job}: {job.done} of {job.total} done, {job.failed} failed, {left} left"
        )
        if left:
            self.stdout.write(_pace(job) or "nothing was finished in the last minute")
            workers = workers_on(job)
            self.stdout.write(f"workers: {', '.join(workers) or 'none'}")
        if device := device_of(job):
            self.stdout.write(f"device: {device}")
        failed = job.outputs.filter(state=Output.State.FAILED).select_related("prompt")
        for output in failed.only("error", "prompt__key"):
            self.stdout.write(f"failed: {output.prompt.key}: {output.error}")


def _pace(job: Job) -> str:
    pace = pace_of(job, left=job.pending + job.running)
    words = []
    if pace.tokens is not None:
        words.append(f"{pace.tokens:.0f} tokens/s")
    if pace.seconds_left is not None:
        words.append(f"about {tqdm.format_interval(pace.seconds_left)} left")
    return ", ".join(words)
