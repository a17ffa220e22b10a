"""Known answers and promises, where most of a study's tasks are not made yet."""

from __future__ import annotations

from collections import Counter

import pytest

from annotation import stretches
from annotation.exceptions import StudyFull
from annotation.gold import quota_shown
from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Assignment, Rater, Study
from annotation.services import withdraw_system
from annotation.steps import INSTRUCTIONS, complete_step
from annotation.stretches import make_next_stretch, withdrawn_tasks
from annotation.walks import WINDOW, met_by
from annotation.way import set_way
from evalsite.lib.tabular import Row
from tests.factories import make_rater, make_study
from tests.protocols.rating import judge_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch):
    monkeypatch.setattr(stretches, "SLOTS", 20)


def checked_study(*, known: int = 9, every: int = 5, **kwargs) -> Study:
    """A study of three systems in which the answer to a pair of every third prompt is known."""
    study = make_study(**{"systems": 3, "prompts": 30, "judgments_per_task": 1, **kwargs})
    first, second = (
        system.slug for system in study.systems.order_by("study_systems__position")[:2]
    )
    prompts = study.prompt_set.prompts.order_by("position")[: 3 * known : 3]
    rows = [
        Row(
            file="gold.jsonl",
            line=line,
            values={
                "prompt_id": prompt.key, "system_a": first, "system_b": second,
                "expected": "a", "kind": "gold",
            },
        )
        for line, prompt in enumerate(prompts, start=1)
    ]  # fmt: skip
    import_gold(study, rows)
    set_way(study, check_every=every)
    return launch_study(study)


def make_all(study: Study) -> None:
    while make_next_stretch(study):
        assert study.tasks_to_come >= 0


def fresh(rater: Rater) -> Rater:
    return Rater.objects.select_related("study__stored_way").get(pk=rater.pk)


def begin(study: Study, name: str) -> Rater:
    rater = make_rater(study, name)
    complete_step(rater, INSTRUCTIONS)
    return rater


@pytest.mark.parametrize("budget", [None, 41])
def test_known_tasks_are_counted_out_of_what_is_to_come_and_never_made_again(budget):
    pairing = "full" if budget is None else "block"
    study = checked_study(pairing=pairing, task_budget=budget)
    wanted = study.tasks_wanted
    if budget is None:
        assert wanted == 90 - 9
    make_all(study)
    assert (study.task_count, study.tasks_to_come) == (wanted, 0)
    assert study.tasks.filter(is_gold=False).count() == wanted
    assert not study.assignments.targets().filter(task__is_gold=True).exists()
    assert withdrawn_tasks(study) == 0


def test_withdrawn_and_known_tasks_are_not_counted_twice():
    study = checked_study()
    gone = study.systems.order_by("study_systems__position").first()
    before = study.tasks_wanted
    withdraw_system(study, system=gone, reason="a test")
    study = Study.objects.get(pk=study.pk)
    wanted = study.tasks_wanted
    # Two thirds of all are about it, nine of them known; those made before are made all the same.
    made = sum(study.tasks.filter(is_gold=False, **{side: gone}).count() for side in SIDES)
    assert wanted == before - (60 - 9 - made)
    assert withdrawn_tasks(study) == 60 - 9 - made
    make_all(study)
    assert (study.task_count, study.tasks_to_come) == (wanted, 0)


SIDES = ("system_a", "system_b")


def test_a_rater_is_served_every_target_and_the_checks_beside_them():
    study = checked_study()
    rater = begin(study, "bob")
    while judge_once(rater):
        pass
    served = Counter(rater.assignments.judged().values_list("purpose", flat=True))
    assert served["target"] == 81
    assert served["check"] == 9
    assert quota_shown(fresh(rater)) == 90
    met = met_by(rater, None)
    assert (met.targets, met.checks, met.judged) == (81, 9, 90)
    targets = rater.assignments.judged().targets()
    lead: Counter[tuple[int, int]] = Counter()
    for a, b, left in targets.values_list("task__system_a", "task__system_b", "left"):
        lead[a, b] += 1 if left == "a" else -1
    assert dict(met.seen.lead) == dict(lead), "checks have no part in it"


def test_promises_count_what_is_not_made_yet_and_what_is_made_meanwhile():
    study = checked_study(tasks_per_rater=27, judgments_per_task=1)
    first = begin(study, "a")
    assert first.quota == 27 > study.task_count
    while judge_once(first):
        pass
    assert fresh(first).assignments.targets().judged().count() == 27
    # `study` here is from before the stretches that were made meanwhile.
    assert [begin(study, name).quota for name in "bc"] == [27, 27]
    with pytest.raises(StudyFull):
        begin(study, "d")


def test_what_was_promised_stays_when_a_system_leaves_and_the_rater_is_filled_up():
    study = checked_study(tasks_per_rater=60, every=5)
    rater = begin(study, "a")
    assert rater.quota == 60
    judge_once(rater)
    systems = study.systems.order_by("study_systems__position")
    withdraw_system(study, system=systems[0], reason="a test")
    assert fresh(rater).promised == 60
    while judge_once(rater):
        pass
    assert rater.assignments.targets().judged().count() in (30, 31)
    assert not study.assignments.filter(state=Assignment.State.OPEN).exists()


def test_the_next_stretch_comes_before_the_window_is_short():
    study = checked_study(prompts=200)
    rater = begin(study, "a")
    for _ in range(30):
        assert judge_once(rater)
        assert study.assignments.open().count() >= WINDOW - 1
