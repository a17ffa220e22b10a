"""A query that is put together once answers what the same queryset answers each time."""

from __future__ import annotations

from threading import Thread

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection

from annotation.launch import launch_study
from annotation.models import Assignment, Rater
from evalsite.lib.prepared import Prepared
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db


def with_study() -> Prepared[Rater]:
    return Prepared(
        lambda: Rater.objects.select_related("study__stored_way").filter(revoked_at=None),
        "public_id",
    )


def test_each_value_finds_its_own_row_as_the_queryset_would():
    bob, ann = make_rater(make_study(title="One")), make_rater(make_study(title="Two"))
    prepared = with_study()
    for rater in (bob, ann, bob):
        found = prepared.get(public_id=rater.public_id)
        expected = Rater.objects.select_related("study").get(pk=rater.pk)
        assert vars(found).keys() == vars(expected).keys()
        for field in Rater._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(expected, field.attname)
        for field in type(rater.study)._meta.concrete_fields:
            assert getattr(found.study, field.attname) == getattr(expected.study, field.attname)


def test_what_is_joined_costs_no_further_statement(django_assert_num_queries):
    rater, prepared = make_rater(make_study()), with_study()
    with django_assert_num_queries(1):
        found = prepared.get(public_id=rater.public_id)
        assert (found.study.slug, found.study.way.must_play) == (rater.study.slug, False)


def test_without_a_row_there_is_none():
    rater, prepared = make_rater(make_study()), with_study()
    assert prepared.first(public_id="nobody") is None
    with pytest.raises(ObjectDoesNotExist):
        prepared.get(public_id="nobody")
    Rater.objects.filter(pk=rater.pk).update(revoked_at="2026-01-01T00:00:00Z")
    assert prepared.first(public_id=rater.public_id) is None


def test_two_values_of_kinds_that_databases_store_differently_and_columns_left_unread():
    study = launch_study(make_study())
    slot = Assignment.objects.filter(study=study).first()
    prepared = Prepared(
        lambda: Assignment.objects.select_related("task").only("state", "task__prompt_id"),
        "token", "study",
    )  # fmt: skip
    found = prepared.get(token=slot.token, study=study.pk)
    assert found == slot
    assert found.get_deferred_fields() >= {"left", "position"}
    assert found.task.prompt_id == slot.task.prompt_id
    assert found.position == slot.position  # read now


def test_a_row_changed_in_between_is_read_anew():
    rater, prepared = make_rater(make_study()), with_study()
    prepared.get(public_id=rater.public_id)
    Rater.objects.filter(pk=rater.pk).update(cursor=7)
    assert prepared.get(public_id=rater.public_id).cursor == 7


@pytest.mark.django_db(transaction=True)
def test_threads_ask_at_once_and_each_gets_its_own():
    raters = [make_rater(make_study()) for _ in range(4)]
    prepared, found = with_study(), dict.fromkeys(range(4), 0)

    def ask(number: int) -> None:
        try:
            for _ in range(50):
                row = prepared.get(public_id=raters[number].public_id)
                found[number] += row.pk == raters[number].pk
        finally:
            connection.close()

    threads = [Thread(target=ask, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), 50)
