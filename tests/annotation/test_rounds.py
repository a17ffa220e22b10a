"""Adaptive pairs: rounds of tasks within a budget, however many ask for one at once."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from django.core.management import call_command

from annotation.assignments import next_turn, submit_judgment
from annotation.exceptions import BudgetSpent, NotAdaptive, StudyNotOpen, StudyNotReady
from annotation.launch import admit_finished_outputs, launch_study
from annotation.models import Assignment, Study
from annotation.rounds import add_round
from annotation.services import close_study, create_study, pause_study, withdraw_system
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.text import sha256
from generation.models import Output
from ranking.services import ask_next_pairs
from tests.factories import make_rater, make_study
from tests.processes import spawn

pytestmark = pytest.mark.django_db


def adaptive(*, budget=30, systems=4, prompts=8, **kwargs) -> Study:
    kwargs.setdefault("judgments_per_task", 3)
    return launch_study(
        make_study(
            systems=systems, prompts=prompts, pairing="adaptive", task_budget=budget, **kwargs
        )
    )


def even(systems=4):
    return (1 - np.eye(systems)) / (systems * (systems - 1) / 2)


def one_more(study, **kwargs):
    return add_round(study, chances=even(study.systems.count()), rule="even", **kwargs)


def sides(study):
    sums: Counter[tuple[int, int]] = Counter()
    rows = study.assignments.values_list("task__system_a", "task__system_b", "left")
    for a, b, left in rows:
        sums[a, b] += 1 if left == "a" else -1
    return sums


# The launch


def test_a_launch_makes_a_first_even_round():
    study = adaptive()
    assert (study.task_count, study.slot_count, study.tasks_to_come) == (20, 60, 10)
    assert set(study.tasks.values_list("round", flat=True)) == {1}
    assert set(study.tasks.values_list("chance", flat=True)) == {20 / 48}
    pairs = Counter(study.tasks.values_list("system_a", "system_b"))
    assert len(pairs) == 6
    assert max(pairs.values()) - min(pairs.values()) <= 1


def test_the_plan_says_beforehand_how_tasks_are_chosen():
    study = adaptive()
    assert (study.plan["pairing"], study.plan["task_budget"]) == ("adaptive", 30)
    assert study.plan["rounds"]["first_round"] == 20
    assert study.plan["rounds"]["uniform_share"] == 0.2
    assert study.plan["rounds"]["rule"] == "resistance"
    assert "task_budget" in study.plan["stopping_rule"]


def test_the_same_seed_makes_the_same_first_round():
    one, same, other = (adaptive(seed=seed) for seed in (1, 1, 2))

    def places(study):
        first = study.prompt_set.prompts.first().pk
        systems = list(study.study_systems.values_list("system", flat=True))
        rows = study.tasks.order_by("pk").values_list("prompt", "system_a", "system_b")
        return [(p - first, systems.index(a), systems.index(b)) for p, a, b in rows]

    assert places(one) == places(same)
    assert places(one) != places(other)


def test_a_small_budget_is_one_round_that_joins_all_systems():
    study = adaptive(budget=3)
    assert study.task_count == 3
    met = {s for row in study.tasks.values_list("system_a", "system_b") for s in row}
    assert len(met) == 4
    with pytest.raises(BudgetSpent):
        one_more(study)


@pytest.mark.parametrize(("budget", "says"), [(2, "cannot join"), (49, "only 48")])
def test_a_budget_that_does_not_fit_is_refused(budget, says):
    with pytest.raises(StudyNotReady, match=says):
        adaptive(budget=budget)


def test_a_full_study_knows_no_chances_and_takes_no_rounds():
    study = launch_study(make_study(systems=3))
    assert set(study.tasks.values_list("chance", "round")) == {(None, None)}
    assert "rounds" not in study.plan
    with pytest.raises(NotAdaptive):
        one_more(study)
    with pytest.raises(NotAdaptive):
        ask_next_pairs(study)


# Later rounds


def test_rounds_add_new_tasks_until_the_budget_is_spent():
    study = adaptive(budget=40)
    plan_hash = study.plan_hash
    assert one_more(study, count=15) == 15
    assert one_more(study, count=15) == 5
    with pytest.raises(BudgetSpent):
        one_more(study, count=1)
    study.refresh_from_db()
    assert (study.task_count, study.slot_count, study.tasks_to_come) == (40, 120, 0)
    rows = list(study.tasks.values_list("prompt", "system_a", "system_b"))
    assert len(set(rows)) == len(rows) == 40
    assert Counter(study.tasks.values_list("round", flat=True)) == {1: 20, 2: 15, 3: 5}
    positions = study.assignments.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(120))
    assert (
        study.plan_hash
        == plan_hash
        == sha256(json.dumps(study.plan, sort_keys=True, ensure_ascii=False))
    )


@pytest.mark.parametrize("target", [1, 2, 3])
def test_sides_and_targets_are_exact_over_all_rounds(target):
    study = adaptive(budget=48, judgments_per_task=target)
    while Study.objects.get(pk=study.pk).tasks_to_come:
        one_more(study, count=5)
        assert max(map(abs, sides(study).values())) <= 1
    slots = Counter(study.assignments.values_list("task", flat=True))
    assert set(slots.values()) == {target}
    assert len(slots) == 48


def test_each_round_is_logged_with_its_rule_count_and_seed():
    study = adaptive(seed=5)
    ask_next_pairs(study, count=4, rule="arena", by=study.owner)
    first, second = study.events.filter(what="tasks added")
    assert first.detail == {"round": 1, "rule": "even", "count": 20, "seed": [5, 1]}
    assert second.detail == {"round": 2, "rule": "arena", "count": 4, "seed": [5, 2]}
    assert second.by == study.owner


def test_a_planned_round_is_the_default():
    study = adaptive(budget=48)
    assert one_more(study) == 20
    assert one_more(study) == 8


def test_a_rater_who_came_to_the_end_comes_back_to_a_later_round():
    study = adaptive(budget=24, systems=2, judgments_per_task=3, prompts=24)
    bob = make_rater(study)
    while (turn := next_turn(bob)).assignment_pk:
        token = Assignment.objects.get(pk=turn.assignment_pk).token
        submit_judgment(bob, token=token, choice="left")
    assert turn.judged == 10 < study.quota == 24
    one_more(study, count=2)
    bob.study.refresh_from_db()
    assert next_turn(bob).assignment_pk


def test_withdrawn_systems_and_failed_outputs_are_asked_no_more():
    study = adaptive(budget=48)
    gone = study.systems.order_by("study_systems__position").last()
    withdraw_system(study, system=gone, reason="broken")
    asked = set(study.tasks.values_list("pk", flat=True))
    broken = make_unfinished(study)
    Output.objects.filter(pk=broken.pk).update(state=Output.State.FAILED, error="no memory")
    one_more(study, count=100)
    new = study.tasks.exclude(pk__in=asked)
    assert new.exists()
    for task in new:
        assert gone not in (task.system_a, task.system_b)
        assert broken.pk not in (task.output_a_id, task.output_b_id)
    with pytest.raises(BudgetSpent, match="No task is left"):
        one_more(study, count=1)


def make_unfinished(study):
    """Put an output that is not finished in place of one that no task shows yet."""
    shown = set(study.tasks.values_list("output_a", flat=True)) | set(
        study.tasks.values_list("output_b", flat=True)
    )
    first = study.systems.order_by("study_systems__position").first()
    old = Output.objects.filter(system=first).exclude(pk__in=shown).first()
    assert old is not None
    system, prompt = old.system, old.prompt
    old.delete()
    return Output.objects.create(
        system=system, prompt=prompt, state=Output.State.PENDING, queue_position=0
    )


def test_a_round_over_outputs_in_the_making_waits_for_them():
    study = adaptive(budget=48)
    pending = make_unfinished(study)
    one_more(study, count=100)
    study.refresh_from_db()
    assert study.is_waiting
    waiting = study.assignments.filter(state=Assignment.State.WAITING)
    assert waiting.count() == 3 * study.tasks.filter(output_a=pending).count() > 0
    Output.objects.filter(pk=pending.pk).update(
        state=Output.State.DONE, text="Late.", html="<p>Late.</p>", text_hash=sha256("Late.")
    )
    admit_finished_outputs(study)
    assert not waiting.exists()
    assert not Study.objects.get(pk=study.pk).is_waiting


@pytest.mark.parametrize("end", [pause_study, close_study])
def test_only_an_open_study_takes_a_round(end):
    study = adaptive()
    end(study)
    before = study.assignments.count()
    with pytest.raises(StudyNotOpen):
        one_more(study)
    assert study.assignments.count() == before


def test_a_count_that_is_none_is_refused():
    with pytest.raises(InputRefused, match="expected 1 or more"):
        one_more(adaptive(), count=0)


# Two at once


@pytest.mark.django_db(transaction=True)
def test_processes_that_add_at_once_ask_nothing_twice_and_keep_the_budget():
    study = adaptive(budget=44, judgments_per_task=3)
    adding = [spawn("add_tasks", study.slug, "--count", "9", stdout=-1, stderr=-1)
              for _ in range(4)]  # fmt: skip
    said = [process.communicate(timeout=120) for process in adding]
    codes = sorted(process.returncode for process in adding)
    assert codes == [0, 0, 0, 2], said
    study.refresh_from_db()
    rows = list(study.tasks.values_list("prompt", "system_a", "system_b"))
    assert len(set(rows)) == len(rows) == study.task_count == 44
    assert Counter(study.tasks.values_list("round", flat=True)) == {1: 20, 2: 9, 3: 9, 4: 6}
    assert max(map(abs, sides(study).values())) <= 1
    assert set(Counter(study.assignments.values_list("task", flat=True)).values()) == {3}


# The command


def test_the_command_adds_and_says_what_is_left(capsys):
    study = adaptive()
    call_command("add_tasks", study.slug, count=4)
    assert capsys.readouterr().out == "4 tasks added; 6 of the budget are left\n"


def test_cron_adds_only_when_little_is_open(capsys):
    study = adaptive()
    call_command("add_tasks", study.slug, keep=60)
    assert capsys.readouterr().out.startswith("0 tasks added")
    call_command("add_tasks", study.slug, keep=61)
    assert capsys.readouterr().out.startswith("10 tasks added")
    call_command("add_tasks", study.slug, keep=1000)
    assert capsys.readouterr().out == "0 tasks added; 0 of the budget are left\n"


@pytest.mark.parametrize(
    ("arguments", "says"), [({"count": 0}, "0 tasks; expected"), ({"count": -3}, "-3 tasks;")]
)
def test_the_command_refuses_in_one_line(arguments, says, capsys):
    study = adaptive()
    with pytest.raises(SystemExit) as ended:
        call_command("add_tasks", study.slug, **arguments)
    assert ended.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert study.tasks.count() == 20


def test_the_command_says_that_the_budget_is_spent(capsys):
    study = adaptive(budget=20)
    with pytest.raises(SystemExit):
        call_command("add_tasks", study.slug)
    assert "budget of tasks is spent" in capsys.readouterr().err


# A study that says how


def created(**kwargs):
    made = make_study()
    defaults = {"protocol": "pairwise", "prompt_set": made.prompt_set, "owner": made.owner}
    systems = list(made.systems.all())
    return create_study(name="one", systems=systems, **{**defaults, **kwargs})


def test_a_draft_keeps_its_pairing_and_budget():
    study = created(pairing="adaptive", task_budget=5)
    assert (study.pairing, study.task_budget) == ("adaptive", 5)
    assert (created().pairing, created().task_budget) == ("full", None)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"pairing": "random"}, "unknown pairing 'random'; expected full, block or adaptive"),
        ({"pairing": "adaptive"}, "task_budget is missing"),
        ({"pairing": "block"}, "task_budget is missing; expected how many tasks block pairing"),
        ({"task_budget": 5}, "task_budget with full pairing"),
        ({"pairing": "adaptive", "task_budget": 5, "protocol": "mos"}, "protocol mos"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, says):
    with pytest.raises(InputRefused, match=says):
        created(**settings)


TOML = """
name = "From a file"
protocol = "pairwise"
prompt_set = "{prompt_set}"
systems = [{systems}]
judgments_per_task = 1
"""


def write_study(folder, *lines):
    made = make_study(systems=3, prompts=4)
    systems = ", ".join(f'"{slug}"' for slug in made.systems.values_list("slug", flat=True))
    text = TOML.format(prompt_set=made.prompt_set.slug, systems=systems)
    file = folder / "study.toml"
    file.write_text("\n".join([text, *lines]))
    return file


def test_a_file_can_ask_for_block_pairs(tmp_path):
    file = write_study(tmp_path, 'pairing = "block"', "task_budget = 7")
    call_command("create_study", file, owner="alice", launch=True)
    study = Study.objects.get(name="From a file")
    assert (study.pairing, study.task_budget, study.task_count) == ("block", 7, 7)
    with pytest.raises(NotAdaptive):
        one_more(study)


def test_a_file_can_ask_for_adaptive_pairs(tmp_path):
    file = write_study(tmp_path, 'pairing = "adaptive"', "task_budget = 7")
    call_command("create_study", file, owner="alice", launch=True)
    study = Study.objects.get(name="From a file")
    assert (study.pairing, study.task_budget, study.task_count) == ("adaptive", 7, 7)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['pairing = "random"'], "unknown pairing 'random'"),
        (["pairing = 3"], "pairing is 3; expected full, block or adaptive"),
        (['pairing = "adaptive"'], "task_budget is missing"),
        (['pairing = "adaptive"', "task_budget = 0"], "task_budget is 0; expected 1 to"),
        (['pairing = "adaptive"', 'task_budget = "9"'], "task_budget is '9'"),
        (["task_budget = 9"], "task_budget with full pairing"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path, capsys, lines, says):
    file = write_study(tmp_path, *lines)
    with pytest.raises(SystemExit) as ended:
        call_command("create_study", file, owner="alice")
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert says in said[0]
    assert not Study.objects.filter(name="From a file").exists()
