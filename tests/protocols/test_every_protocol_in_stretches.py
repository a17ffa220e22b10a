"""Every protocol's tasks are made a stretch at a time, and the whole design comes out of it."""

from __future__ import annotations

from collections import Counter

import pytest

from annotation import stretches
from annotation.exchange import import_judgments
from annotation.models import Assignment, Study, TaskOutput
from annotation.protocols import protocol_of
from annotation.services import withdraw_system
from annotation.stretches import make_next_stretch, withdrawn_tasks
from evalsite.lib.tabular import Row
from generation.models import Output
from tests.factories import make_rater
from tests.protocols.rating import KINDS, judge_once, launched

pytestmark = pytest.mark.django_db
every_kind = pytest.mark.parametrize("kind", list(KINDS))
#: Of the protocols that differ in what a task is.
SHAPES = ["pairwise", "mos", "ccr", "best_worst", "mushra"]
State = Assignment.State


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch):
    monkeypatch.setattr(stretches, "SLOTS", 8)
    monkeypatch.setattr(stretches, "LEAST_TASKS", 5)


def make_all(study: Study) -> None:
    while make_next_stretch(study):
        pass


@every_kind
def test_raters_walk_through_the_whole_design(kind):
    study = launched(kind, prompts=9)
    raters = [make_rater(study, name, cursor=3 * n) for n, name in enumerate(("bob", "carol"))]
    designed = protocol_of(study).task_count(systems=study.systems.count(), prompts=9)
    assert study.task_count == 5 < designed == study.tasks_wanted
    for shift in range(designed):
        assert sum(judge_once(rater, shift) for rater in raters) == 2
    assert not any(judge_once(rater) for rater in raters)
    study.refresh_from_db()
    assert (study.task_count, study.tasks_to_come) == (designed, 0)
    judged = Counter(study.judgments.values_list("task", flat=True))
    assert (len(judged), set(judged.values())) == (designed, {2})


def sides_of(study: Study) -> Counter[tuple[int, int]]:
    lead: Counter[tuple[int, int]] = Counter()
    for a, b, left in study.assignments.values_list("task__system_a", "task__system_b", "left"):
        lead[a, b] += 1 if left == "a" else -1
    return lead


@pytest.mark.parametrize("kind", ["pairwise", "ccr"])
def test_sides_are_balanced_after_every_stretch(kind):
    study = launched(kind, prompts=11, systems=3, judgments_per_task=3)
    while make_next_stretch(study):
        # Of null pairs one in turn; they too stand both ways round.
        assert max(map(abs, sides_of(study).values())) <= 1


def test_null_pairs_come_from_the_beginning_to_the_end():
    study = launched("ccr", prompts=12, judgments_per_task=1)
    make_all(study)
    rows = study.tasks.order_by("pk").values_list("system_a", "system_b")
    nulls = [a == b for a, b in rows]
    assert sum(nulls) == 6
    assert sum(nulls[:9]) == sum(nulls[9:]) == 3


@pytest.mark.parametrize(("kind", "systems"), [("best_worst", 7), ("mushra", 4)])
def test_groups_have_all_their_places_and_every_system_its_share(kind, systems):
    study = launched(kind, systems=systems, prompts=10)
    make_all(study)
    places = TaskOutput.objects.filter(task__study=study)
    shown = Counter(places.filter(role="system").values_list("system", flat=True))
    assert len(shown) == systems
    assert max(shown.values()) - min(shown.values()) <= 1
    for slot in study.assignments.prefetch_related("task__outputs"):
        there = slot.task.outputs.all()
        assert sorted(slot.order) == [place.place for place in there]
        assert all(place.role == "reference" or place.hash for place in there)
    if kind == "mushra":
        at = Counter((at, p) for s in study.assignments.all() for at, p in enumerate(s.order))
        assert max(at.values()) - min(at.values()) <= 2, "two layers, each to within one"


@pytest.mark.parametrize("kind", SHAPES)
def test_a_budget_is_the_beginning_of_the_full_design(kind):
    def tasks_of(study: Study) -> list[tuple[int, int | None]]:
        make_all(study)
        rows = study.tasks.order_by("pk").values_list("prompt__position", "group")
        return list(rows)

    budget = 8
    full = launched(kind, prompts=9, seed=5)
    part = launched(kind, prompts=9, seed=5, pairing="block", task_budget=budget)
    assert part.tasks_wanted == budget
    assert tasks_of(part) == tasks_of(full)[:budget]


@pytest.mark.parametrize("kind", SHAPES)
def test_a_withdrawn_system_is_asked_about_no_more_and_what_is_wanted_says_so(kind):
    systems = 4 if kind == "best_worst" else 3
    study = launched(kind, prompts=20, systems=systems, judgments_per_task=1)
    designed = study.tasks_wanted
    gone = study.systems.order_by("study_systems__position").last()
    withdraw_system(study, system=gone, reason="a test")
    study = Study.objects.get(pk=study.pk)
    promised = study.tasks_wanted
    assert withdrawn_tasks(study) == designed - promised > 0
    make_all(study)
    assert (study.task_count, study.tasks_to_come) == (promised, 0)
    open_slots = study.assignments.open()
    assert not open_slots.filter(task__system_a=gone).exists()
    assert not open_slots.filter(task__system_b=gone).exists()
    assert not open_slots.filter(task__outputs__system=gone).exists()
    if kind in ("best_worst", "mushra"):
        assert not open_slots.exists(), "every group had it"


@pytest.mark.parametrize("kind", SHAPES)
def test_an_output_that_failed_after_the_launch_withdraws_only_its_own_tasks(kind):
    study = launched(kind, prompts=9, judgments_per_task=1)
    made = set(study.tasks.values_list("prompt", flat=True))
    late = study.prompt_set.prompts.exclude(pk__in=made).last()
    broken = Output.objects.get(prompt=late, system=study.systems.first())
    Output.objects.filter(pk=broken.pk).delete()
    Output.objects.create(prompt=late, system=broken.system, state="failed")
    make_all(study)
    withdrawn = study.assignments.filter(state=State.WITHDRAWN)
    assert withdrawn.exists()
    assert set(withdrawn.values_list("task__prompt", flat=True)) == {late.pk}
    assert study.assignments.open().count() == study.slot_count - withdrawn.count()


def test_a_group_that_an_import_made_first_is_taken_with_all_its_places():
    study = launched("mushra", prompts=12, judgments_per_task=1)
    names = [system.name for system in study.systems.order_by("study_systems__position")]
    last = study.prompt_set.prompts.exclude(tasks__study=study).last()
    values = {
        "protocol": "mushra", "prompt_id": last.key, "systems": names[::-1],
        "scores": [10, 20, 30], "reference": 90, "rater": "dora",
    }  # fmt: skip
    row = Row(file="judgments.jsonl", line=1, values=values)
    assert import_judgments(study=study, rows=[row], create=True) == 1
    task = study.tasks.get(prompt=last)
    assert not task.assignments.exists()
    study.refresh_from_db()
    make_all(study)
    assert study.tasks.filter(prompt=last).get() == task
    assert study.task_count == study.tasks.count() == 12
    assert [place.role for place in task.outputs.all()] == ["system"] * 3 + ["reference"]
    rater = make_rater(study)
    assert sum(judge_once(rater) for _ in range(13)) == 12
    assert task.judgments.count() == 2


def test_a_group_of_other_systems_that_an_import_made_keeps_its_number():
    study = launched("best_worst", systems=7, prompts=12, judgments_per_task=1)
    bare = study.prompt_set.prompts.exclude(tasks__study=study).last()
    systems = list(study.systems.order_by("study_systems__position"))
    values = {
        "protocol": "best_worst", "prompt_id": bare.key, "rater": "dora",
        "systems": [s.name for s in systems[:3]], "best": systems[0].name, "worst": systems[1].name,
    }  # fmt: skip
    row = Row(file="judgments.jsonl", line=1, values=values)
    assert import_judgments(study=study, rows=[row], create=True) == 1
    study.refresh_from_db()
    make_all(study)
    numbers = study.tasks.filter(prompt=bare).order_by("pk").values_list("group", flat=True)
    assert list(numbers) == [0, 1, 2]
    assert study.task_count == 24
