"""Tasks are made a stretch at a time, ahead of the raters: exactly once, and told truthfully."""

from __future__ import annotations

from collections import Counter

import pytest

from annotation import stretches
from annotation.assignments import next_turn, submit_judgment
from annotation.exceptions import StudyNotReady
from annotation.exchange import import_judgments
from annotation.launch import admit_finished_outputs, launch_study
from annotation.models import Assignment, Study
from annotation.services import close_study, pause_study, withdraw_system
from annotation.stretches import make_next_stretch, withdrawn_tasks
from annotation.walks import WINDOW
from evalsite.lib.tabular import Row
from generation.models import Output
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db
State = Assignment.State


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch):
    """Forty slots at a time: what takes thousands of tasks otherwise shows with fifty."""
    monkeypatch.setattr(stretches, "SLOTS", 40)


def launched(**kwargs) -> Study:
    kwargs.setdefault("judgments_per_task", 2)
    return launch_study(make_study(**{"systems": 3, "prompts": 20, **kwargs}))


def tasks_of(study):
    return list(study.tasks.values_list("prompt", "system_a", "system_b"))


def sides(study):
    sums: Counter[tuple[int, int]] = Counter()
    rows = study.assignments.exclude(state=State.SKIPPED)
    for a, b, left in rows.values_list("task__system_a", "task__system_b", "left"):
        sums[a, b] += 1 if left == "a" else -1
    return sums


def judge(rater, times):
    """Judge as often as there is something to judge, at most `times`."""
    for count in range(times):
        turn = next_turn(rater)
        if turn.assignment_pk is None:
            return count
        submit_judgment(
            rater, token=Assignment.objects.get(pk=turn.assignment_pk).token, choice="left"
        )
    return times


def make_all(study):
    while make_next_stretch(study):
        pass


# Making


def test_a_launch_makes_the_first_tasks_and_tells_of_all():
    study = launched()
    assert (
        (study.task_count, study.slot_count)
        == (20, 40)
        == (
            study.tasks.count(),
            study.assignments.count(),
        )
    )
    assert (study.tasks_to_come, study.tasks_wanted, study.judgments_wanted) == (40, 60, 120)
    assert study.quota == 60
    assert study.plan["order"] == {
        "rule": "blocks", "seed": "the study's", "tasks": 60, "tasks_at_a_time": 20,
    }  # fmt: skip


def test_a_small_study_is_whole_at_once():
    study = launched(prompts=5)
    assert (study.task_count, study.tasks_to_come) == (15, 0)
    assert not make_next_stretch(study)


@pytest.mark.parametrize("target", [1, 2, 3, 5])
def test_all_stretches_are_the_whole_design_with_sides_in_balance_after_each(target):
    study = launched(judgments_per_task=target)
    while study.tasks_to_come:
        assert make_next_stretch(study)
        assert max(map(abs, sides(study).values())) <= 1
    assert not make_next_stretch(study)
    assert len(set(tasks_of(study))) == len(tasks_of(study)) == study.task_count == 60
    assert set(Counter(study.assignments.values_list("task", flat=True)).values()) == {target}
    positions = study.assignments.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(60 * target))


def test_two_who_come_at_once_make_a_stretch_once():
    study = launched()
    one, other = (Study.objects.get(pk=study.pk) for _ in range(2))
    assert make_next_stretch(one)
    assert make_next_stretch(other), "what the first has made is new to the second too"
    assert study.tasks.count() == 40
    assert (other.design_place, other.task_count, other.slot_count) == (40, 40, 80)


@pytest.mark.parametrize("stop", [pause_study, close_study])
def test_a_study_that_is_not_open_gets_no_more_tasks(stop):
    study = launched()
    old = Study.objects.get(pk=study.pk)
    stop(study)
    assert not make_next_stretch(old)
    assert old.state == study.state
    assert study.tasks.count() == 20


def test_a_stretch_has_tasks_enough_to_choose_from_however_often_each_is_judged():
    study = launched(judgments_per_task=50)
    assert (study.task_count, study.slot_count) == (16, 800)
    assert study.task_count >= WINDOW


# Raters


def test_a_rater_walks_on_into_tasks_that_were_not_made_yet():
    study = launched()
    bob = make_rater(study, cursor=13)
    assert judge(bob, 100) == 60
    study.refresh_from_db()
    assert (study.task_count, study.tasks_to_come) == (60, 0)
    assert Counter(study.judgments.values_list("task", flat=True)).most_common(1)[0][1] == 1


def test_nothing_is_made_while_a_rater_has_enough_to_choose_from():
    study = launched(prompts=200, judgments_per_task=1)
    bob = make_rater(study, cursor=39)
    judge(bob, 40 - WINDOW)
    assert study.tasks.count() == 40, "the slots behind the start were not looked at"
    judge(bob, 2)
    assert study.tasks.count() == 80


def test_several_raters_meet_every_target_exactly():
    study = launched(judgments_per_task=3)
    raters = [make_rater(study, name=f"rater {i}", cursor=7 * i) for i in range(5)]
    while sum(judge(rater, 3) for rater in raters):
        pass
    judged = Counter(study.judgments.values_list("task", flat=True))
    assert len(judged) == 60
    assert set(judged.values()) == {3}
    assert max(map(abs, sides(study).values())) <= 1


def test_the_claim_that_makes_a_stretch_costs_a_few_statements_more(django_assert_max_num_queries):
    study = launched(prompts=200)
    bob = make_rater(study)
    judge(bob, 13)
    assert study.tasks.count() == 20
    with django_assert_max_num_queries(40):
        next_turn(bob)
    assert study.tasks.count() == 40


# Outputs that are late, and systems that leave


def hold_back(study, *systems):
    """Put pending outputs in the place of the systems' outputs."""
    outputs = Output.objects.filter(system__in=systems)
    kept = list(outputs.values("system_id", "prompt_id", "queue_position"))
    outputs.delete()
    Output.objects.bulk_create(Output(**row) for row in kept)


def test_tasks_whose_outputs_are_late_wait_and_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(stretches, "MOST_WAITING", 60)
    draft = make_study(systems=3, prompts=60, judgments_per_task=2)
    hold_back(draft, *draft.systems.all())
    study = launch_study(draft)
    bob = make_rater(study)
    for _ in range(3):
        assert next_turn(bob).assignment_pk is None
    assert study.assignments.filter(state=State.WAITING).count() == study.slot_count == 80
    for output in Output.objects.all():
        Output.objects.filter(pk=output.pk).update(
            state="done", text="Late.", html="<p>Late.</p>", text_hash="0" * 64
        )
    study.refresh_from_db()
    admit_finished_outputs(study)
    bob = study.raters.select_related("study").get()
    assert judge(bob, 1000) == 180


def test_an_output_that_failed_after_the_launch_withdraws_tasks_that_are_made_later():
    draft = make_study(systems=2, prompts=60, judgments_per_task=2)
    hold_back(draft, draft.systems.first())
    study = launch_study(draft)
    Output.objects.filter(state="pending").update(state="failed", error="no memory")
    make_all(study)
    later = study.assignments.filter(position__gte=40)
    assert set(later.values_list("state", flat=True)) == {State.WITHDRAWN}
    assert later.count() == 80


def test_no_task_of_a_withdrawn_system_is_made_and_the_target_says_so():
    study = launched(systems=4, prompts=30)
    gone = study.systems.first()
    withdraw_system(study, system=gone, reason="a test")
    made = study.task_count
    about = study.tasks.filter(system_a=gone).count() + study.tasks.filter(system_b=gone).count()
    assert withdrawn_tasks(study) == 90 - about
    make_all(study)
    assert study.tasks.count() - made == 180 - 90 - (made - about)
    assert withdrawn_tasks(study) == 90 - about
    assert not study.tasks.filter(system_a=gone).exclude(assignments__state="withdrawn").exists()


def test_where_too_few_systems_are_left_nothing_more_is_made():
    study = launched(systems=3)
    for system in list(study.systems.all())[:2]:
        withdraw_system(study, system=system, reason="a test")
    assert not make_next_stretch(study)
    assert (study.task_count, study.tasks_to_come) == (20, 0)
    assert next_turn(make_rater(study)).assignment_pk is None


def test_the_progress_counts_the_whole_design(client):
    study = launched(systems=4, prompts=30)
    client.force_login(study.owner)
    progress = client.get(f"/studies/{study.slug}/").context["progress"]
    assert (progress["target"], progress["withdrawn"]) == (360, 0)
    withdraw_system(study, system=study.systems.first(), reason="a test")
    progress = client.get(f"/studies/{study.slug}/").context["progress"]
    assert (progress["target"], progress["withdrawn"]) == (180, 180)


def test_an_imported_judgment_of_a_task_to_come_counts_and_the_task_is_asked_here_too():
    study = launched()
    first, second = study.systems.order_by("study_systems__position")[:2]
    values = {"system_a": first.slug, "system_b": second.slug, "verdict": "a", "rater": "dora"}
    make_rater(study, name="dora")
    rows = [
        Row(file="judgments.jsonl", line=line, values={**values, "prompt_id": prompt.key})
        for line, prompt in enumerate(study.prompt_set.prompts.all(), start=1)
    ]
    assert import_judgments(study=study, rows=rows) == 20
    make_all(study)
    assert len(set(tasks_of(study))) == len(tasks_of(study)) == 60
    assert set(Counter(study.assignments.values_list("task", flat=True)).values()) == {2}
    assert not study.tasks.filter(output_a=None).exists()


# A budget


def test_a_budget_is_spread_evenly_over_pairs():
    study = launched(systems=5, prompts=20, pairing="block", task_budget=73)
    make_all(study)
    often = Counter(study.tasks.values_list("system_a", "system_b"))
    assert (study.task_count, study.tasks_to_come) == (73, 0)
    assert set(often.values()) == {7, 8}
    assert study.plan["order"]["tasks"] == study.plan["task_budget"] == 73
    assert study.plan["stopping_rule"].startswith("each of task_budget tasks")
    assert max(map(abs, sides(study).values())) <= 1


def test_a_budget_goes_with_one_output_alone_too():
    study = launched(systems=3, prompts=9, protocol="mos", pairing="block", task_budget=14)
    make_all(study)
    assert set(Counter(study.tasks.values_list("system_a", flat=True)).values()) == {4, 5}


@pytest.mark.parametrize(("budget", "says"), [(2, "cannot join"), (121, "only 120")])
def test_a_budget_that_does_not_fit_is_refused(budget, says):
    with pytest.raises(StudyNotReady, match=says):
        launched(systems=4, pairing="block", task_budget=budget)
