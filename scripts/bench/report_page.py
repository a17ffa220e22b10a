"""The report page of a study with a million judgments, through the whole of Django."""

from __future__ import annotations

import tempfile

from scripts.bench.million import JUDGMENTS, PROMPTS, RATERS, SYSTEMS, fill, set_up
from scripts.bench.timing import median, say

PROTOCOLS = ("pairwise", "ccr", "best_worst")


def bench_page() -> None:
    """Fill a database of its own, then ask for the page with what was computed forgotten."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        for protocol in PROTOCOLS:
            _measure(protocol)


def _measure(protocol: str) -> None:
    from django.core.cache import cache
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from ranking.rollups import rebuild

    study, client = fill(protocol)
    say(
        f"{protocol}: {JUDGMENTS:,} judgments by {RATERS:,} raters of {SYSTEMS} systems, on "
        f"{PROMPTS} prompts"
    )
    median("fold all judgments into counts", lambda: rebuild(study), repeats=1)
    path = f"/studies/{study.slug}/leaderboard/"

    def page() -> None:
        cache.clear()
        if client.get(path).status_code != 200:
            raise SystemExit("bench: the page does not answer")

    median("the page", page)
    with CaptureQueriesContext(connection) as captured:
        page()
    scans = [q["sql"] for q in captured if "annotation_judgment" in q["sql"]]
    say(f"  {len(captured)} statements, {len(scans)} of them on judgments after the last fold")
    median("the page again, from the cache", lambda: client.get(path))


if __name__ == "__main__":
    bench_page()
