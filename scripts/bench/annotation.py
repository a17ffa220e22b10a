"""Judge-and-next over HTTP: at two sizes, beside a yardstick if named, and two hundred raters."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scripts.bench.raters import Crowd, RaterClient
from scripts.bench.servers import Server, cpu_of_tree, serving
from scripts.bench.timing import say
from scripts.bench.yardstick import yardstick_crowd

if TYPE_CHECKING:
    from annotation.models import Study

ROOT = Path(__file__).parents[2]
RATERS = 200
#: Threads of the client while CPU is measured: as many as the server has.
THREADS = 8
#: Ours and the yardstick take turns, so that what else the machine does falls on both.
ROUNDS = 5
#: Systems, prompts, judgments for each task: a thousand tasks, and a million.
SMALL, LARGE = (5, 100, 10), (50, 817, 10)


def main() -> None:
    arguments = _arguments()
    if arguments.postgres:
        raise SystemExit(_again_on_postgres())
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EVALSITE_DATA": folder,
            "EVALSITE_HOSTS": "127.0.0.1,testserver",
            "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        }
        import django

        django.setup()
        _Bench(Path(folder), arguments).run()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench annotation", description=__doc__)
    parser.add_argument(
        "--yardstick", type=Path, metavar="DIR",
        help="a Django project with /vote_gated, to be measured beside",
    )  # fmt: skip
    parser.add_argument("--postgres", action="store_true", help="on a throw-away PostgreSQL")
    parser.add_argument("--seconds", type=float, default=20, help="for each measurement of CPU")
    parser.add_argument("--loop", type=float, default=60, help="seconds for the 200 raters")
    return parser.parse_args()


def _again_on_postgres() -> int:
    arguments = [a for a in sys.argv[1:] if a != "--postgres"]
    command = [sys.executable, "-m", "tests.postgres", sys.executable, "-m", __spec__.name]
    return subprocess.run([*command, *arguments], cwd=ROOT).returncode  # noqa: S603


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """CPU milliseconds of an answer, of ours and of the yardstick in the same rounds."""

    ours: float
    yardstick: float | None

    def of(self, other: _Cost) -> float:
        """Return how many times the other's this is, by the yardstick where there is one."""
        if self.yardstick and other.yardstick:
            return (self.ours / self.yardstick) / (other.ours / other.yardstick)
        return self.ours / other.ours


class _Bench:
    """One run on one database, everything in a folder that is gone afterwards."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder = folder
        self.arguments = arguments
        self.url = os.environ.get("DATABASE_URL", "")

    def run(self) -> None:
        from django.core.management import call_command
        from django.db import connection

        from scripts.bench.large_study import make_all_tasks, make_study

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        say(f"{connection.vendor}; gunicorn with 2 workers of 4 threads; {THREADS} connections")
        with self._yardstick() as yardstick:
            small = self._measure(make_study("small", **_size(SMALL)), yardstick)
            large = make_study("large", **_size(LARGE))
            self._measure(large, yardstick, than=small)
            make_all_tasks(large)
            self._measure(large, yardstick, than=small)
        self._two_hundred_raters(large)

    def _yardstick(self) -> AbstractContextManager[Crowd | None]:
        if self.arguments.yardstick is None:
            return nullcontext()
        url = _other_database(self.url) if self.url else ""
        source = self.arguments.yardstick
        return yardstick_crowd(source, folder=self.folder, url=url, cpu=self._cpu)

    def _measure(
        self, study: Study, yardstick: Crowd | None, *, than: _Cost | None = None
    ) -> _Cost:
        """Let the study's raters and the yardstick's judge in turns, and compare."""
        say(f"{study.tasks_wanted:,} tasks, {study.task_count:,} of them made so far")
        say(f"  {_statements(study)} statements for an answer and the next task")
        seconds = self.arguments.seconds / ROUNDS
        with self._crowd(study) as crowd:
            before = (yardstick.loop.cpu, yardstick.loop.answers) if yardstick else None
            for _ in range(ROUNDS):
                if yardstick:
                    yardstick.judge(seconds=seconds, threads=THREADS)
                crowd.judge(seconds=seconds, threads=THREADS)
        say(f"  {crowd.loop.in_words()}")
        cost = _Cost(ours=crowd.loop.cpu_ms, yardstick=_since(yardstick, before))
        if cost.yardstick:
            say(f"  the yardstick: {cost.yardstick:.2f} ms CPU an answer")
            say(f"  {cost.ours / cost.yardstick:.2f} times the yardstick")
        if than:
            say(f"  {cost.of(than):.2f} times the small study")
        return cost

    def _two_hundred_raters(self, study: Study) -> None:
        before = study.judgments.count()
        with self._crowd(study) as crowd:
            crowd.judge(seconds=self.arguments.loop, threads=RATERS)
        loop = crowd.loop
        say(f"{RATERS} raters at once for {self.arguments.loop:.0f} s: {loop.in_words()}")
        shown = Counter(token for tally in loop.tallies for token in set(tally.tokens))
        stored = study.judgments.count() - before
        say(f"  {stored:,} judgments stored, {_over_target(study)} tasks over their target")
        say(f"  {sum(n > 1 for n in shown.values())} of {len(shown):,} slots shown to two raters")
        for error in loop.errors[:5]:
            say(f"  {error}")

    @contextmanager
    def _crowd(self, study: Study) -> Iterator[Crowd]:
        from scripts.bench.large_study import invite

        raters = invite(study, RATERS)
        with serving("evalsite.wsgi", folder=ROOT, environment={}) as server:
            clients = [RaterClient(server.port, study.public_id, r.invite_token) for r in raters]
            yield Crowd(clients, lambda: self._cpu(server))

    def _cpu(self, server: Server) -> float:
        """Return what the server's processes have cost, and the database's where it has any."""
        return server.cpu_seconds() + (cpu_of_tree(_postmaster(self.url)) if self.url else 0)


def _since(crowd: Crowd | None, before: tuple[float, int] | None) -> float | None:
    if crowd is None or before is None:
        return None
    return 1000 * (crowd.loop.cpu - before[0]) / max(crowd.loop.answers - before[1], 1)


def _size(size: tuple[int, int, int]) -> dict[str, int]:
    return dict(zip(("systems", "prompts", "judgments_per_task"), size, strict=True))


def _statements(study: Study) -> int:
    """Count what one POST asks the database, through the whole of Django in this process."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from annotation.models import Assignment
    from scripts.bench.large_study import invite

    (rater,) = invite(study, 1)
    client = Client()
    client.get(f"/r/{rater.invite_token}/", follow=True)
    slot = Assignment.objects.get(rater=rater, state=Assignment.State.CLAIMED)
    with CaptureQueriesContext(connection) as captured:
        client.post(
            f"/rate/{study.public_id}/judge/",
            {"token": slot.token, "choice": "left"},
            headers={"HX-Request": "true"},
        )
    return len(captured)


def _over_target(study: Study) -> int:
    from django.db.models import Count

    from annotation.models import Assignment

    taken = study.assignments.filter(
        state__in=[Assignment.State.CLAIMED, Assignment.State.JUDGED]
    ).order_by()
    counted = taken.values("task").annotate(count=Count("pk"))
    return counted.filter(count__gt=study.judgments_per_task).count()


def _other_database(url: str) -> str:
    """Make a database beside ours for the yardstick, and return its URL."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE yardstick")
    return url.rpartition("/")[0] + "/yardstick"


def _postmaster(url: str) -> int:
    """Return the process that all of a throw-away PostgreSQL's are below: see `tests.postgres`."""
    folder = Path(unquote(urlsplit(url).netloc.rpartition("@")[2]))
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


if __name__ == "__main__":
    main()
