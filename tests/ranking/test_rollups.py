"""The stored counts are the judgments, whatever arrives in whatever order."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection, connections, transaction
from django.utils.timezone import now

from annotation.launch import launch_study
from annotation.models import Exclusion, Judgment, Study
from annotation.protocols import Mark
from annotation.protocols.pairwise import Pairwise
from annotation.services import exclude
from ranking import marks, rollups
from ranking.comparisons import Slice, comparisons, read_study
from ranking.models import Rollup
from ranking.reports import build_report
from ranking.rollups import fold, less, newest, read_cells, rebuild
from tests.factories import make_judgment, make_rater, make_study

pytestmark = pytest.mark.django_db


def open_study(**kwargs) -> Study:
    return launch_study(make_study(systems=3, prompts=4, **kwargs))


def judge(study: Study, count: int, *, seed: int = 0, name: str = "bob") -> list[Judgment]:
    """Random judgments of one rater, some of them corrections."""
    rng = random.Random(seed)
    rater = make_rater(study, name)
    made: list[Judgment] = []
    for _ in range(count):
        verdict, left = rng.choice(["a", "b", "tie", "both_bad"]), rng.choice(["a", "b", ""])
        old = rng.choice(made) if made and rng.random() < 0.3 else None
        if old and not Judgment.objects.filter(supersedes=old).exists():
            made.append(make_judgment(old.task, rater, verdict=verdict, left=left, supersedes=old))
        else:
            task = rng.choice(study.tasks.all())
            made.append(make_judgment(task, rater, verdict=verdict, left=left))
    return made


def by_hand(study: Study) -> dict[tuple[int, ...], int]:
    """What the cells must say, counted one by one."""
    place = dict(study.study_systems.values_list("system", "position"))
    found: dict[tuple[int, ...], int] = {}
    for row in study.judgments.current().select_related("task"):
        key = (
            row.task.prompt_id,
            place[row.task.system_a_id],
            place[row.task.system_b_id or 0],
            row.rater_id,
            marks.LEFT[row.left] * 4 + rollups.OUTCOMES[row.verdict],
        )
        found[key] = found.get(key, 0) + 1
    return found


def as_counts(cells: rollups.Cells) -> dict[tuple[int, ...], int]:
    found: dict[tuple[int, ...], int] = {}
    for row in cells.rows:
        key = (
            cells.prompts[row["prompt"]],
            int(row["a"]),
            int(row["b"]),
            cells.raters[row["rater"]],
            int(row["answer"]),
        )
        found[key] = found.get(key, 0) + int(row["count"])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_cells_are_the_judgments_folded_or_not(seed):
    study = open_study()
    judge(study, 25, seed=seed)
    assert as_counts(read_cells(study)) == by_hand(study)
    fold(study)
    assert as_counts(read_cells(study)) == by_hand(study)
    judge(study, 25, seed=seed + 100, name="carol")
    assert as_counts(read_cells(study)) == by_hand(study)
    folded = fold(study)
    assert as_counts(read_cells(study)) == by_hand(study)
    again = rebuild(study)
    assert bytes(again.cells) == bytes(folded.cells)
    assert (again.prompts, again.raters) == (folded.prompts, folded.raters)


def test_a_correction_of_what_was_folded_takes_it_back():
    study = open_study()
    old = judge(study, 1)[0]
    fold(study)
    make_judgment(old.task, old.rater, verdict="b" if old.verdict != "b" else "a",
                  left=old.left, supersedes=old)  # fmt: skip
    assert as_counts(read_cells(study)) == by_hand(study)
    assert read_cells(study).total == 1
    assert len(Rollup.objects.get(study=study).cells) > 0


def test_much_that_is_new_is_folded_by_its_reader(monkeypatch):
    monkeypatch.setattr(rollups, "FOLD_AT", 10)
    study = open_study()
    judge(study, 9)
    read_cells(study)
    assert not Rollup.objects.exists()
    judge(study, 5, name="carol")
    assert as_counts(read_cells(study)) == by_hand(study)
    assert Rollup.objects.get(study=study).watermark == study.judgments.last().pk


def test_a_page_over_folded_judgments_reads_none_of_them(django_assert_num_queries):
    study = open_study()
    judge(study, 40)
    fold(study)
    with django_assert_num_queries(3) as captured:
        read_cells(study)
    assert "judgment" not in captured[0]["sql"].replace("annotation_judgment.id >", "")
    with django_assert_num_queries(2):
        assert newest(study)[1] == 0


def test_what_is_new_changes_the_mark_of_a_cached_report():
    study = open_study()
    judge(study, 3)
    before = newest(study)
    judge(study, 1, name="carol")
    assert newest(study) != before


def test_excluded_judgments_and_raters_are_left_out_and_counted():
    study = open_study()
    made = judge(study, 30)
    judge(study, 10, seed=5, name="carol")
    standing = [row for row in made if not Judgment.objects.filter(supersedes=row).exists()]
    exclude(rater=made[0].rater, rule="too quick", reason="one second", judgment=standing[0])
    cells = read_study(study)
    assert cells.people().total == cells.people(with_excluded=True).total - 1
    assert less(study, cells.everything, study.judgments.all()).total == 0
    exclude(rater=made[0].rater, rule="by hand", reason="asked to leave")
    cells = read_study(study)
    assert cells.people().total == study.judgments.current().filter(rater__name="carol").count()


def test_an_excluded_judgment_that_was_corrected_since_counts_nothing_twice():
    study = open_study()
    old = judge(study, 1)[0]
    Exclusion.objects.create(study=study, rater=old.rater, judgment=old, rule="r", reason="r")
    make_judgment(old.task, old.rater, verdict="tie", left=old.left, supersedes=old)
    assert read_study(study).people().total == 1


def test_slices_by_category_group_and_day():
    study = open_study()
    first = study.prompt_set.prompts.first()
    type(first).objects.filter(pk=first.pk).update(category="maths")
    bob = make_rater(study, "bob", group="experts")
    carol = make_rater(study, "carol")
    for task in study.tasks.all():
        make_judgment(task, bob, verdict="a")
        make_judgment(task, carol, verdict="b", created_at=now() - timedelta(days=9))
    cells = read_study(study)
    assert cells.people().total == 24
    assert cells.people(part=Slice(category="maths")).total == 6
    assert cells.people(part=Slice(group="experts")).total == 12
    assert cells.people(part=Slice(category="maths", group="experts")).total == 3
    last_week = (now() - timedelta(days=5)).date()
    assert cells.people(part=Slice(since=last_week)).total == 12
    assert cells.people(part=Slice(until=last_week)).total == 12
    assert cells.people(part=Slice(category="none of them")).total == 0


def test_an_automated_judge_is_kept_apart():
    study = open_study()
    judge(study, 5)
    robot = make_rater(study, "judge-1", is_judge=True)
    for task in study.tasks.all():
        make_judgment(task, robot, verdict="a")
    cells = read_study(study)
    assert cells.people().total == study.judgments.current().exclude(rater=robot).count()
    assert cells.of_judge(cells.everything.raters.index(robot.pk)).total == 12
    assert build_report(study)["counts"]["raters"] == 1


def test_the_arrays_are_the_cells():
    study = open_study()
    judge(study, 30)
    data = comparisons(read_study(study).people())
    standing = study.judgments.current()
    assert data.total == standing.count()
    assert data.counts.ties.sum() / 2 == standing.filter(verdict="tie").count()
    sides = np.bincount(data.left, data.count, 3)
    assert sides.tolist() == [standing.filter(left=left).count() for left in ("", "a", "b")]


@pytest.mark.parametrize("at_once", [1, 7, 30, 31])
def test_stretches_give_the_cells_of_all_at_once(monkeypatch, at_once):
    study = open_study()
    judge(study, 30)
    whole = fold(study)
    monkeypatch.setattr(rollups, "AT_ONCE", at_once)
    again = rebuild(study)
    fields = ("watermark", "prompts", "raters", "cells", "recorded")
    assert [getattr(again, name) for name in fields] == [getattr(whole, name) for name in fields]
    assert again.recorded == 30


def test_whoever_folds_later_what_was_folded_meanwhile_counts_it_once(monkeypatch):
    study = open_study()
    judge(study, 20)
    folded, calls = rollups._folded, []

    def slowly(rollup, settled):
        found = folded(rollup, settled)
        calls.append(settled)
        if len(calls) == 1:
            fold(study)
            judge(study, 5, name="carol")
        return found

    monkeypatch.setattr(rollups, "_folded", slowly)
    fold(study)
    assert len(calls) == 2
    assert as_counts(read_cells(study)) == by_hand(study)
    assert (read_cells(study).recorded, Rollup.objects.get().recorded) == (25, 20)


@pytest.mark.parametrize("value", [-9, 256])
def test_a_mark_that_no_cell_holds_is_refused_and_not_wrapped_around(monkeypatch, value):
    study = open_study()
    judge(study, 1)
    monkeypatch.setattr(Pairwise, "marks", lambda *args, **kwargs: [Mark(0, None, value)])
    with pytest.raises(OverflowError, match="answer is beyond 0 to 255"):
        fold(study)
    assert not Rollup.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_to_answer_while_judgments_are_counted(monkeypatch):
    study = open_study()
    judge(study, 5)
    folded, held = rollups._folded, []

    def watched(rollup, settled):
        held.append(connection.in_atomic_block)
        return folded(rollup, settled)

    monkeypatch.setattr(rollups, "_folded", watched)
    fold(study)
    assert held == [False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_a_judgment_that_is_committed_late_is_not_lost():
    """Two transactions overlap: the lower id becomes visible after the higher one was folded."""
    study = open_study()
    bob, carol = make_rater(study, "bob"), make_rater(study, "carol")
    task = study.tasks.first()
    inserted, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                make_judgment(task, bob, verdict="a")
                inserted.set()
                assert may_commit.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        assert inserted.wait(30)
        make_judgment(task, carol, verdict="b")
        # The higher id is there, the lower is not: nothing is settled, nothing may be folded.
        assert fold(study).watermark == 0
        assert read_cells(study).total == 1
    finally:
        may_commit.set()
        thread.join()
    low, high = study.judgments.order_by("pk").values_list("rater__name", flat=True)
    assert (low, high) == ("bob", "carol")
    assert as_counts(read_cells(study)) == by_hand(study)
    assert fold(study).watermark == study.judgments.last().pk
    assert as_counts(read_cells(study)) == by_hand(study)


@pytest.mark.django_db(transaction=True)
def test_many_who_fold_at_once_count_each_judgment_once():
    study = open_study()
    judge(study, 30)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                fold(study)
        except BaseException as error:  # handed to the test
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    judge(study, 15, seed=3, name="carol")
    for thread in threads:
        thread.join()
    assert errors == []
    fold(study)
    assert as_counts(read_cells(study)) == by_hand(study)
