"""What was judged and what was shown stay as they were: the database itself refuses changes."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from annotation.launch import launch_study
from annotation.models import Judgment
from generation.models import Output
from tests.factories import make_judgment, make_rater, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def judgment():
    study = launch_study(make_study())
    return make_judgment(study.tasks.first(), make_rater(study))


@pytest.mark.parametrize("change", [{"verdict": "b"}, {"comment": "oops"}, {"left": "b"}])
def test_a_judgment_cannot_be_changed(judgment, change):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Judgment.objects.filter(pk=judgment.pk).update(**change)
    judgment.refresh_from_db()
    assert (judgment.verdict, judgment.comment, judgment.left) == ("a", "", "a")


def test_a_judgment_cannot_be_saved_again(judgment):
    judgment.verdict = "tie"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        judgment.save()


def test_a_correction_is_a_row_of_its_own(judgment):
    correction = make_judgment(judgment.task, judgment.rater, verdict="b", supersedes=judgment)
    assert list(Judgment.objects.current()) == [correction]
    assert Judgment.objects.count() == 2


def test_a_judgment_is_corrected_once_by_each_correction(judgment):
    make_judgment(judgment.task, judgment.rater, verdict="b", supersedes=judgment)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_judgment(judgment.task, judgment.rater, verdict="tie", supersedes=judgment)


@pytest.mark.parametrize(
    "change", [{"text": "better"}, {"html": "<p>better</p>"}, {"state": "pending"}]
)
def test_what_was_shown_cannot_be_changed(judgment, change):
    shown = judgment.task.output_a
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Output.objects.filter(pk=shown.pk).update(**change)
    assert Output.objects.get(pk=shown.pk).text_hash == judgment.task.hash_a
