"""The next task's files are named while this one is judged; nothing is claimed by that."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from annotation.foresight import foreseen_slot
from annotation.launch import launch_study
from annotation.models import Assignment, Rater
from annotation.services import pause_study
from tests.annotation.people import claimed_by, enter, path_of
from tests.factories import make_rater, make_study
from tests.media.makers import judge_url, sound_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(tmp_path) -> Rater:
    return make_rater(launch_study(sound_study(tmp_path, systems=3, prompts=4)))


def judging(rater: Rater) -> Client:
    client = enter(rater)
    client.get(judge_url(rater))
    return client


def ahead(client: Client, rater: Rater) -> list[str]:
    answer: dict[str, list[str]] = json.loads(client.get(path_of(rater, "ahead")).content)
    return answer["files"]


def test_what_is_foreseen_for_a_rater_alone_is_what_comes(bob):
    client, told = judging(bob), []
    for _ in range(11):
        told.append(foreseen_slot(bob))
        slot = claimed_by(bob)
        client.post(judge_url(bob), {"token": slot.token, "choice": "left"}, follow=True)
        assert claimed_by(bob).pk == told[-1]
    assert foreseen_slot(bob) is None


def test_the_named_files_can_be_fetched_and_keep_their_address(bob):
    client = judging(bob)
    files = ahead(client, bob)
    assert len(files) == 2
    before = [b"".join(client.get(file).streaming_content) for file in files]
    client.post(judge_url(bob), {"token": claimed_by(bob).token, "choice": "tie"}, follow=True)
    page = client.get(judge_url(bob)).content.decode()
    assert all(f'src="{file}"' in page for file in files)
    assert [b"".join(client.get(file).streaming_content) for file in files] == before


def test_looking_ahead_claims_nothing(bob):
    client = judging(bob)
    ahead(client, bob)
    assert bob.study.assignments.filter(state="claimed").count() == 1


def test_a_slot_that_another_rater_has_meanwhile_is_closed(bob):
    client = judging(bob)
    files = ahead(client, bob)
    carol = make_rater(bob.study, name="carol")
    Assignment.objects.filter(pk=foreseen_slot(bob)).update(
        state="claimed", rater=carol, lease_until=claimed_by(bob).lease_until
    )
    assert client.get(files[0]).status_code == 404


def test_a_task_that_the_rater_has_met_is_not_opened_by_another_slot_of_it(bob):
    client = judging(bob)
    slot = claimed_by(bob)
    other = bob.study.assignments.filter(task=slot.task, state="open").first()
    assert client.get(path_of(bob) + f"media/{other.token}/0/").status_code == 404


def test_a_stranger_and_a_rater_of_another_study_look_nowhere(bob):
    files = ahead(judging(bob), bob)
    assert Client().get(path_of(bob, "ahead")).status_code == 403
    assert Client().get(files[0]).status_code == 404
    other = make_rater(launch_study(make_study(prompts=2)), name="eve")
    eve = enter(other)
    assert eve.get(path_of(bob, "ahead")).status_code == 403
    assert eve.get(files[0]).status_code == 404


def test_a_paused_study_shows_nothing_ahead(bob):
    client = judging(bob)
    files = ahead(client, bob)
    pause_study(bob.study)
    assert ahead(client, bob) == []
    assert client.get(files[0]).status_code == 404


def test_texts_are_not_asked_for_ahead():
    rater = make_rater(launch_study(make_study(prompts=3)))
    client = enter(rater)
    assert "data-ahead" not in client.get(judge_url(rater)).content.decode()
    assert ahead(client, rater) == []
