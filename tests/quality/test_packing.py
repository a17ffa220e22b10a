"""Judgments are read from the table once; what is packed says the same as the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from annotation.assignments import next_turn, reopen_last_judgment, submit_judgment
from annotation.launch import launch_study
from annotation.models import Judgment, PackedJudgments, Study
from annotation.quality import packing
from annotation.quality.assessment import assess, study_columns
from annotation.quality.columns import counted
from annotation.quality.packing import read_packed
from annotation.quality.reading import _places
from tests.factories import make_judgment, make_rater, make_study
from tests.protocols.rating import KINDS, launched
from tests.quality.studies import judge_all_tasks, make_ruled_study
from tests.quality.test_protocols import judge_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def eager(monkeypatch) -> None:
    monkeypatch.setattr(packing, "PACK_AT", 3)


def random_study(seed: int) -> Study:
    """Verdicts, sides and times by lot; some raters correct what they said last."""
    rng = np.random.default_rng(seed)
    study = launch_study(make_study(prompts=5, systems=3))
    for name in "abcd":
        rater = make_rater(study, name)
        for _ in range(int(rng.integers(3, 12))):
            pk = next_turn(rater).assignment_pk
            assert pk is not None
            token = rater.assignments.get(pk=pk).token
            choice = ["left", "right", "tie", "both_bad"][rng.integers(4)]
            submit_judgment(rater, token=token, choice=choice)
            if rng.random() < 0.3:
                reopen_last_judgment(rater)
    return study


def said(study: Study) -> dict[str, list[Any]]:
    columns = vars(study_columns(study).columns)
    return {name: np.asarray(column).tolist() for name, column in columns.items()}


def assert_same(one: Study, before: dict[str, list[Any]]) -> None:
    after = said(one)
    assert before.keys() == after.keys()
    for name, column in before.items():
        np.testing.assert_array_equal(after[name], column, err_msg=name)


# The same, whether packed or not


@pytest.mark.parametrize("seed", range(6))
def test_packed_judgments_are_the_judgments(seed, monkeypatch):
    study = random_study(seed)
    before = said(study)
    assert not PackedJudgments.objects.exists()
    monkeypatch.setattr(packing, "PACK_AT", 3)
    assert_same(study, before)
    assert PackedJudgments.objects.get().upto == study.judgments.latest("pk").pk
    assert_same(study, before)


def test_what_stands_is_what_the_database_says_stands(eager):
    study = random_study(9)
    read_packed(study)
    columns = study_columns(study).columns
    rows = study.judgments.current().order_by("rater", "pk").select_related("task")
    verdicts = ("a", "b", "tie", "both_bad")
    assert columns.judgment.tolist() == [row.pk for row in rows]
    assert [verdicts[answer] for answer in columns.answer] == [row.verdict for row in rows]
    assert [("b", "a", "")[left] for left in columns.a_left] == [row.left for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_every_protocol_is_packed(kind, monkeypatch):
    study = launched(kind)
    judge_everything(study, "bob")
    before = said(study)
    monkeypatch.setattr(packing, "PACK_AT", 2)
    assert_same(study, before)
    judge_everything(study, "charlie")
    packed = said(study)
    assert PackedJudgments.objects.count() >= 2
    PackedJudgments.objects.all().delete()
    monkeypatch.setattr(packing, "PACK_AT", 10**6)
    assert_same(study, packed)


def test_a_correction_of_a_packed_judgment_takes_its_place(eager):
    study = launch_study(make_study(prompts=6))
    first, *_ = judge_all_tasks(study, "bob")
    study_columns(study)
    make_judgment(first.task, first.rater, verdict="tie", supersedes=first, seconds=7)
    columns = study_columns(study).columns
    assert first.pk not in columns.judgment
    assert columns.answer[-1] == 2
    assert len(columns) == 6


# Once


def judgment_queries(study: Study) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assess(study)
    return [q["sql"] for q in captured if 'FROM "annotation_judgment"' in q["sql"]]


def test_a_second_look_reads_what_came_since_and_nothing_else(eager):
    study = make_ruled_study(prompts=6)
    judge_all_tasks(study, "bob")
    assess(study)
    upto = PackedJudgments.objects.get().upto
    make_judgment(study.tasks.first(), make_rater(study, "charlie"))
    (query,) = judgment_queries(study)
    assert f'"id" > {upto}' in query
    assert assess(study).judged == [6, 1]
    assert PackedJudgments.objects.count() == 1


def test_what_has_become_much_is_packed_behind_what_was(eager):
    study = make_ruled_study(prompts=4)
    for name in ("bob", "charlie", "dora"):
        judge_all_tasks(study, name)
        assess(study)
    stretches = list(PackedJudgments.objects.order_by("after"))
    assert [s.after for s in stretches[1:]] == [s.upto for s in stretches[:-1]]
    assert len(stretches) == 3
    assert assess(study).judged == [4, 4, 4]


def test_nothing_is_packed_while_it_is_not_known_what_is_settled(eager, monkeypatch):
    study = make_ruled_study(prompts=4)
    judge_all_tasks(study, "bob")
    monkeypatch.setattr(packing, "settled_judgment", lambda: None)
    assert assess(study).judged == [4]
    assert not PackedJudgments.objects.exists()


def test_a_judgment_that_arrives_while_others_are_read_is_not_lost(eager, monkeypatch):
    study = make_ruled_study(prompts=4)
    judge_all_tasks(study, "bob")
    late = make_rater(study, "late")

    def settled_now() -> int:
        return make_judgment(study.tasks.first(), late).pk

    monkeypatch.setattr(packing, "settled_judgment", settled_now)
    assess(study)
    assert not PackedJudgments.objects.exists()
    monkeypatch.undo()
    assert assess(study).judged == [4, 1]


def test_two_readers_who_pack_the_same_store_it_once(eager):
    study = make_ruled_study(prompts=4)
    judge_all_tasks(study, "bob")
    later = packing._read(study, 0)
    for _ in range(2):
        packing._pack(study, later, after=0)
    assert PackedJudgments.objects.count() == 1
    assert len(read_packed(study).rows) == 4


def test_studies_do_not_get_in_each_others_way(eager):
    one, two = make_ruled_study(prompts=4), make_ruled_study(prompts=4)
    for name in ("bob", "charlie"):
        for study in (one, two):
            judge_all_tasks(study, name)
            assess(study)
    assert assess(one).judged == assess(two).judged == [4, 4]
    assert Judgment.objects.count() == 16


# Numbers


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60), st.booleans())
def test_distinct_rows_are_counted_as_numpy_does(rows, is_wide):
    # The wide ones leave no room for a place beside the key.
    pairs = np.array(rows, dtype=np.int64).reshape(-1, 2) * (10**8 if is_wide else 1)
    columns, times, which = counted(pairs[:, 0], pairs[:, 1])
    found, expected_which, expected_times = np.unique(
        pairs, axis=0, return_inverse=True, return_counts=True
    )
    assert np.array(columns).T.tolist() == found.tolist()
    assert times.tolist() == expected_times.tolist()
    assert which.tolist() == expected_which.ravel().tolist()


@given(st.sets(st.integers(1, 40)), st.lists(st.integers(1, 50)), st.sampled_from([1, 10**6]))
def test_keys_are_found_whether_they_lie_close_or_not(keys, wanted, apart):
    sorted_keys = sorted(key * apart for key in keys)
    place = {key: number for number, key in enumerate(sorted_keys)}
    asked = [key * apart for key in wanted]
    found = _places(np.array(sorted_keys, dtype=np.int64), np.array(asked, dtype=np.int64))
    assert found.tolist() == [place.get(key, -1) for key in asked]
