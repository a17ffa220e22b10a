"""The report page of a study with a million judgments, through the whole of Django."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from scripts.bench.timing import median, say

if TYPE_CHECKING:
    from django.test import Client

    from annotation.models import Judgment, Study

SYSTEMS, PROMPTS, RATERS, JUDGMENTS = 20, 500, 1000, 1_000_000
_BATCH = 5000


def bench_page() -> None:
    """Fill a database of its own, then ask for the page with what was computed forgotten."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EVALSITE_DATA": folder,
            "EVALSITE_HOSTS": "testserver",
            "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        }
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        _measure()


def _measure() -> None:
    from django.core.cache import cache
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from ranking.rollups import rebuild

    call_command("migrate", verbosity=0)
    study, client = _filled()
    say(f"{JUDGMENTS:,} judgments by {RATERS:,} raters of {SYSTEMS} systems, on {PROMPTS} prompts")
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


def _filled() -> tuple[Study, Client]:
    from django.contrib.auth.models import User
    from django.test import Client

    from annotation.models import Judgment, Rater, Study, StudySystem, Task
    from generation.models import Prompt, PromptSet, System

    owner = User.objects.create_user("alice")
    prompt_set = PromptSet.objects.create(owner=owner, slug="prompts", name="Prompts")
    Prompt.objects.bulk_create(
        Prompt(prompt_set=prompt_set, position=i, key=f"p{i}", text=f"Prompt {i}")
        for i in range(PROMPTS)
    )
    systems = System.objects.bulk_create(
        System(owner=owner, slug=f"system-{i}", name=f"System {i}") for i in range(SYSTEMS)
    )
    study = Study.objects.create(
        owner=owner, slug="million", name="A million", title="Answers", question="Which?",
        prompt_set=prompt_set, state=Study.State.CLOSED,
    )  # fmt: skip
    StudySystem.objects.bulk_create(
        StudySystem(study=study, system=system, position=i) for i, system in enumerate(systems)
    )
    Rater.objects.bulk_create(Rater(study=study, name=f"rater {i}") for i in range(RATERS))
    Task.objects.bulk_create(
        (
            Task(study=study, prompt=prompt, system_a=a, system_b=b)
            for prompt in prompt_set.prompts.all()
            for a, b in combinations(systems, 2)
        ),
        batch_size=_BATCH,
    )
    Judgment.objects.bulk_create(_judgments(study), batch_size=_BATCH)
    client = Client()
    client.force_login(owner)
    return study, client


def _judgments(study: Study) -> Iterator[Judgment]:
    """Random tasks to random raters, each system a little better than the next."""
    from annotation.models import Judgment

    rng = np.random.default_rng(0)
    tasks = list(study.tasks.values_list("pk", "system_a", "system_b"))
    raters = list(study.raters.values_list("pk", flat=True))
    for _ in range(JUDGMENTS):
        task, a, b = tasks[int(rng.integers(len(tasks)))]
        chance = 1 / (1 + np.exp(0.05 * (a - b)))
        yield Judgment(
            study=study,
            task_id=task,
            rater_id=raters[int(rng.integers(len(raters)))],
            left="ab"[int(rng.integers(2))],
            verdict="tie" if rng.random() < 0.2 else "ba"[int(rng.random() < chance)],
        )


if __name__ == "__main__":
    bench_page()
