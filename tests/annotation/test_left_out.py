"""Prompts that a study leaves out: nobody is asked about them, and nothing else moves."""

from __future__ import annotations

import pytest
from django.test import Client

from annotation.audit import audit_blinding
from annotation.exceptions import StudyNotDraft
from annotation.gold_files import import_gold
from annotation.launch import launch_problems, launch_study
from annotation.models import Study
from annotation.redaction import screen_outputs
from annotation.stretches import make_next_stretch
from annotation.way import set_way
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row
from generation.models import Output
from tests.annotation.people import enter, judge_all
from tests.factories import make_rater, make_study, make_user

pytestmark = pytest.mark.django_db


def make_draft(left_out: list[str], **kwargs) -> Study:
    kwargs.setdefault("prompts", 8)
    study = make_study(**kwargs)
    screen_outputs(study, words=[], left_out=left_out)
    return study


def asked_about(study: Study) -> list[str]:
    keys = study.tasks.order_by("prompt__position").values_list("prompt__key", flat=True)
    return list(dict.fromkeys(keys))


@pytest.mark.parametrize(
    ("protocol", "options", "systems", "tasks"),
    [
        ("pairwise", {}, 3, 18),
        ("mos", {}, 2, 12),
        ("best_worst", {"size": 3}, 3, 6),
        ("mushra", {"reference": False}, 2, 6),
    ],
)
def test_no_task_is_about_a_prompt_that_is_left_out(protocol, options, systems, tasks):
    study = make_draft(["p1", "p5"], protocol=protocol, options=options, systems=systems)
    launch_study(study)
    while make_next_stretch(study):
        pass
    assert asked_about(study) == ["p2", "p3", "p4", "p6", "p7", "p8"]
    assert study.tasks.count() == study.task_count == tasks
    for task in study.tasks.filter(group=None):
        assert task.output_a.prompt_id == task.prompt_id


def test_a_block_and_a_round_leave_it_out_too():
    for pairing, budget in (("block", 9), ("adaptive", 12)):
        study = make_draft(["p2", "p8"], systems=3, pairing=pairing, task_budget=budget)
        launch_study(study)
        assert study.task_count > 0
        assert not set(asked_about(study)) & {"p2", "p8"}


def test_outputs_of_such_a_prompt_may_be_missing():
    study = make_draft(["p3"])
    Output.objects.filter(prompt__key="p3").delete()
    assert launch_problems(study) == []
    launch_study(study)
    assert "p3" not in asked_about(study)


def test_a_known_answer_keeps_its_place_beside_what_is_left_out():
    study = make_draft(["p1"])
    row = {"prompt_id": "p4", "system_a": "system-1", "system_b": "system-2", "expected": "a"}
    slugs = [system.slug for system in study.systems.order_by("study_systems__position")]
    row |= {"system_a": slugs[0], "system_b": slugs[1], "kind": "gold"}
    import_gold(study, [Row(file="gold.jsonl", line=1, values=row)])
    set_way(study, check_every=4)
    launch_study(study)
    targets = study.tasks.filter(is_gold=False).values_list("prompt__key", flat=True)
    assert sorted(targets) == ["p2", "p3", "p5", "p6", "p7", "p8"]


def test_a_study_with_prompts_left_out_is_judged_to_its_end():
    study = launch_study(make_draft(["p1", "p2", "p3"], judgments_per_task=1))
    rater = make_rater(study)
    judge_all(enter(rater), rater)
    assert study.judgments.count() == 5
    assert study.assignments.filter(state="open").count() == 0


def test_what_is_left_out_is_frozen_and_of_no_warning():
    study = make_draft(["p1"])
    Output.objects.filter(prompt__key="p1").delete()
    launch_study(study)
    assert study.plan["left_out"] == ["p1"]
    assert audit_blinding(study) == []
    with pytest.raises(StudyNotDraft):
        screen_outputs(study, words=[], left_out=[])


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["p9"], "left_out has 'p9'"),
        ([1], "left_out has 1"),
        ([["p1"]], "left_out has"),
        (["a\x00"], "left_out has"),
        ([f"p{n}" for n in range(1, 9)], "every prompt is left out"),
        (["p1"] * 1001, "left_out is no list"),
    ],
)
def test_what_are_no_prompts_is_refused(keys, words):
    study = make_draft([])
    with pytest.raises(InputRefused, match=words):
        screen_outputs(study, words=[], left_out=keys)
    study.refresh_from_db()
    assert study.left_out == []


def test_the_drafts_page_keeps_what_has_no_row_in_its_list():
    study = make_draft(["p2"])
    client = Client()
    client.force_login(study.owner)
    page = client.get(f"/studies/{study.slug}/").content.decode()
    assert '<input type="hidden" name="prompt" value="p2">' in page
    client.post(f"/studies/{study.slug}/screen/", {"prompt": ["p2", "p3"]})
    study.refresh_from_db()
    assert study.left_out == ["p2", "p3"]


def test_a_stranger_leaves_nothing_out():
    study = make_draft([])
    client = Client()
    client.force_login(make_user("charlie"))
    assert client.post(f"/studies/{study.slug}/screen/", {"prompt": ["p1"]}).status_code == 404
    study.refresh_from_db()
    assert study.left_out == []
