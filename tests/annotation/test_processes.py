"""Sixteen raters in four processes, one of them killed: not one task over or under its target.

Tasks are made while they judge, and whoever comes first makes them, once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils.timezone import now

from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.services import invite_raters
from tests.factories import make_study
from tests.processes import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)

TARGET = 6
#: A block design of two stretches; all four processes come upon the end of the first.
BUDGET = 100


def start(raters: list[Rater]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.annotation.rater_process", *(str(r.pk) for r in raters)],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "EVALSITE_SECRET_KEY": settings.SECRET_KEY,
            "EVALSITE_DATA": str(settings.DATA_DIR),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


def judge_in_four_processes(study: Study, raters: list[Rater]) -> set[int]:
    """Let them judge; kill the first in the middle. Return the acknowledged judgments."""
    processes = [start(raters[i::4]) for i in range(4)]
    try:
        victim = processes[0]
        assert victim.stdout
        # A quarter of its answers: it has come upon a stretch's end, and is in the middle.
        said = [victim.stdout.readline() for _ in range(BUDGET * TARGET // 16)]
        victim.send_signal(signal.SIGKILL)
        said += victim.communicate()[0].splitlines()
        assert victim.returncode == -signal.SIGKILL
        for process in processes[1:]:
            said += process.communicate(timeout=120)[0].splitlines()
            assert process.returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return {int(line) for line in said if line.strip()}


def test_the_targets_are_met_exactly():
    study = launch_study(
        make_study(
            systems=4, prompts=30, judgments_per_task=TARGET, pairing="block", task_budget=BUDGET
        )
    )
    assert study.task_count < BUDGET
    raters = invite_raters(study, count=16)
    acknowledged = judge_in_four_processes(study, raters)
    stored = set(Judgment.objects.values_list("pk", flat=True))
    assert acknowledged <= stored
    assert len(stored) - len(acknowledged) <= 1  # killed between the commit and the word

    # The killed process left tasks on its raters' screens; their time runs out.
    past = now() - timedelta(seconds=1)
    study.assignments.filter(state="claimed").update(lease_until=past)
    for _ in range(3):
        rest = start(raters)
        rest.communicate(timeout=120)
        assert rest.returncode == 0

    study.refresh_from_db()
    assert study.tasks_to_come == 0
    assert study.tasks.count() == study.task_count == BUDGET
    pairs = Counter(study.tasks.values_list("system_a", "system_b"))
    assert max(pairs.values()) - min(pairs.values()) <= 1
    judged = Counter(Judgment.objects.values_list("task", flat=True))
    assert set(judged.values()) == {TARGET}
    assert len(judged) == study.task_count
    met = Counter(Judgment.objects.values_list("rater", "task"))
    assert set(met.values()) == {1}
    sides: Counter[tuple[int, int]] = Counter()
    for a, b, left in Judgment.objects.values_list("task__system_a", "task__system_b", "left"):
        sides[a, b] += 1 if left == "a" else -1
    assert max(map(abs, sides.values())) <= 1
    assert set(study.assignments.values_list("state", flat=True)) == {Assignment.State.JUDGED}
