"""From rows to columns: what stands, what was shown, what was known; few queries."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.assignments import next_turn, reopen_last_judgment, submit_judgment
from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Rater
from annotation.quality.assessment import assess, study_columns
from annotation.quality.columns import ATTENTION, GOLD
from annotation.way import set_way
from tests.annotation.test_gold import gold_row, make_draft
from tests.factories import make_judgment, make_rater, make_study
from tests.quality.studies import HASTE, QUICK, RUN, judge_all_tasks, make_ruled_study

pytestmark = pytest.mark.django_db


def judge(rater: Rater, choice: str, **kwargs) -> None:
    pk = next_turn(rater).assignment_pk
    assert pk is not None
    slot = rater.assignments.get(pk=pk)
    submit_judgment(rater, token=slot.token, choice=choice, **kwargs)


def test_answers_are_read_in_both_terms():
    study = launch_study(make_study())
    rater = make_rater(study)
    first, second = study.tasks.all()
    make_judgment(first, rater, verdict="a", left="b", seconds=4)
    make_judgment(second, rater, verdict="tie", left="a")
    columns = study_columns(study).columns
    assert columns.answer.tolist() == [0, 2]
    assert columns.pressed.tolist() == [1, 2]
    assert columns.chose_left.tolist() == [0, -1]
    assert columns.a_left.tolist() == [0, 1]
    assert columns.seconds[0] == 4
    assert np.isnan(columns.seconds[1])
    lengths = [len(t.output_a.text) + len(t.output_b.text) for t in (first, second)]
    assert columns.characters.tolist() == lengths


def test_imports_without_sides_press_no_button():
    study = launch_study(make_study())
    make_judgment(study.tasks.first(), make_rater(study), verdict="a", left="")
    columns = study_columns(study).columns
    assert (columns.answer[0], columns.pressed[0], columns.chose_left[0]) == (0, -1, -1)


def test_scores_are_their_own_buttons():
    study = launch_study(make_study(protocol="mos"))
    rater = make_rater(study)
    for score, task in enumerate(study.tasks.all(), start=1):
        make_judgment(task, rater, score=score)
    columns = study_columns(study).columns
    assert columns.score.tolist() == columns.pressed.tolist() == [1, 2, 3, 4]
    assert len(set(columns.system.tolist())) == 2


def test_a_correction_takes_the_place_of_what_it_corrects():
    study = launch_study(make_study())
    rater = make_rater(study)
    judge(rater, "left")
    reopen_last_judgment(rater)
    judge(rater, "tie")
    columns = study_columns(study).columns
    assert columns.pressed.tolist() == [2]
    before = study_columns(study, upto=int(columns.judgment[0]) - 1).columns
    assert before.pressed.tolist() == [0]


def test_automated_judges_are_no_raters():
    study = launch_study(make_study())
    make_judgment(study.tasks.first(), make_rater(study, "machine", is_judge=True))
    judge_all_tasks(study, "bob")
    read = study_columns(study)
    assert read.columns.raters == 1
    assert len(read.columns) == 2


def test_golds_are_marked_by_kind_and_by_task_or_screen_terms():
    study = make_draft(prompts=4)
    import_gold(
        study,
        [
            gold_row("p1"),
            gold_row("p2", expected=["left"], kind="attention"),
            gold_row("p3", expected=["tie", "both_bad"]),
        ],
    )
    set_way(study, check_every=2)
    launch_study(study)
    rater = make_rater(study)
    golds = list(study.tasks.filter(is_gold=True).order_by("pk"))
    for task, verdict, left in zip(golds, ("a", "a", "a"), "aba", strict=True):
        make_judgment(task, rater, verdict=verdict, left=left)
    other = make_rater(study, "charlie")
    make_judgment(golds[1], other, verdict="b", left="b")
    columns = study_columns(study).columns
    assert columns.check.tolist() == [GOLD, ATTENTION, GOLD, ATTENTION]
    assert columns.off.tolist() == [0, np.inf, np.inf, 0]


def test_scores_are_off_by_their_distance():
    study = make_study(protocol="mos", prompts=2)
    row = gold_row("p1", expected=["2", "3"])
    row.values["system"] = "system-1"
    del row.values["system_a"], row.values["system_b"]
    import_gold(study, [row])
    set_way(study, check_every=2)
    launch_study(study)
    task = study.tasks.get(is_gold=True)
    for score in (1, 3, 5):
        make_judgment(task, make_rater(study, str(score)), score=score)
    assert study_columns(study).columns.off.tolist() == [1, 0, 2]


def test_raters_without_judgments_are_there_with_nothing_known():
    study = launch_study(make_study())
    judge_all_tasks(study, "bob")
    make_rater(study, "charlie")
    found = assess(study)
    assert found.judged == [2, 0]
    assert np.isnan(found.measured["pace"].value[1])


def test_a_study_without_judgments_is_measured_too():
    study = make_ruled_study(QUICK, HASTE, RUN)
    found = assess(study)
    assert (found.raters, found.alarms, found.newest) == ([], [], 0)


def test_the_queries_do_not_grow_with_raters_judgments_or_rules():
    small = make_ruled_study(QUICK)
    judge_all_tasks(small, "bob")
    large = make_ruled_study(QUICK, HASTE, RUN, prompts=20)
    for name in "abcdefghij":
        judge_all_tasks(large, name)
    counts = []
    for study in (small, large):
        with CaptureQueriesContext(connection) as captured:
            assess(study)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 7
