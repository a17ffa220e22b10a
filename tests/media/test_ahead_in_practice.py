"""The next training or qualification task's files are named ahead; answers and marks are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client

from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Rater
from annotation.services import pause_study
from annotation.way import set_way
from tests.annotation.people import claimed_by, enter, path_of, where
from tests.annotation.test_gold import gold_row
from tests.factories import make_rater
from tests.media.makers import sound_study

pytestmark = pytest.mark.django_db
TRAINING, ATTEMPT = 2, 2


def make_practised_rater(folder: Path, *, attempt: int = ATTEMPT) -> Rater:
    study = sound_study(folder, prompts=9)
    kinds = ["training"] * TRAINING + ["qualification"] * 2 * attempt
    slugs = list(study.systems.order_by("study_systems__position").values_list("slug", flat=True))
    rows = [gold_row(f"p{n}", kind=kind) for n, kind in enumerate(kinds, start=1)]
    for row in rows:
        row.values["system_a"], row.values["system_b"] = slugs
    import_gold(study, rows)
    if attempt:
        set_way(study, qualification_tasks=attempt, pass_percent=100)
    return make_rater(launch_study(study))


@pytest.fixture
def bob(tmp_path) -> Rater:
    return make_practised_rater(tmp_path)


def ahead(client: Client, rater: Rater) -> list[str]:
    answer: dict[str, list[str]] = json.loads(client.get(path_of(rater, "ahead")).content)
    return answer["files"]


def answer(client: Client, rater: Rater, *, right: bool = True) -> None:
    slot = claimed_by(rater)
    page = path_of(rater, slot.purpose)
    choice = "left" if (slot.left == "a") == right else "right"
    client.post(page, {"token": slot.token, "choice": choice})


def look(client: Client, rater: Rater) -> str:
    """Open the page where the rater stands."""
    step = where(client, rater)
    return str(client.get(path_of(rater, step), follow=True).content.decode())


@pytest.mark.parametrize("right", [True, False])
def test_whatever_is_answered_the_named_files_are_those_of_the_task_that_comes(bob, right):
    client = enter(bob)
    look(client, bob)
    # Two of training, the first of the qualification, and its second.
    for _ in range(TRAINING + ATTEMPT - 1):
        files = ahead(client, bob)
        assert len(files) == 2
        before = [b"".join(client.get(file).streaming_content) for file in files]
        answer(client, bob, right=right)
        page = look(client, bob)
        assert all(f'src="{file}"' in page for file in files)
        assert [b"".join(client.get(file).streaming_content) for file in files] == before


def test_the_page_asks_for_them(bob):
    client = enter(bob)
    assert f'data-ahead="{path_of(bob, "ahead")}"' in look(client, bob)


@pytest.mark.parametrize("right", [True, False])
def test_behind_the_last_task_of_an_attempt_nothing_is_told(bob, right):
    client = enter(bob)
    look(client, bob)
    for _ in range(TRAINING + ATTEMPT - 1):
        answer(client, bob, right=right)
        look(client, bob)
    assert claimed_by(bob).purpose == "qualification"
    assert ahead(client, bob) == []


def test_nothing_is_claimed_and_no_kind_is_named(bob):
    client = enter(bob)
    look(client, bob)
    body = client.get(path_of(bob, "ahead")).content.decode()
    assert bob.assignments.count() == 1
    assert list(json.loads(body)) == ["files"]
    for word in ("gold", "training", "qualification", "expected", "system"):
        assert word not in body


def test_without_a_qualification_the_last_training_task_has_nothing_behind_it(tmp_path):
    rater = make_practised_rater(tmp_path, attempt=0)
    client = enter(rater)
    look(client, rater)
    assert len(ahead(client, rater)) == 2
    answer(client, rater)
    look(client, rater)
    assert claimed_by(rater).purpose == "training"
    assert ahead(client, rater) == []


def test_only_the_next_task_is_open_and_only_to_its_rater(bob):
    client = enter(bob)
    look(client, bob)
    files = ahead(client, bob)
    carol = make_rater(bob.study, name="carol")
    other = enter(carol)
    look(other, carol)
    assert not set(ahead(other, carol)) & set(files)
    for stranger in (other, Client()):
        assert stranger.get(files[0]).status_code == 404
    assert Client().get(path_of(bob, "ahead")).status_code == 403
    assert client.get(files[0].replace("/0/", "/2/")).status_code == 404


def test_a_paused_study_shows_nothing_ahead(bob):
    client = enter(bob)
    look(client, bob)
    files = ahead(client, bob)
    pause_study(bob.study)
    assert ahead(client, bob) == []
    assert client.get(files[0]).status_code == 404


def test_before_the_first_task_is_on_the_screen_nothing_is_told(bob):
    assert ahead(enter(bob), bob) == []
