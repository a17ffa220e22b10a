"""A report is made when something has changed, and a long one not for each judgment."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from annotation.launch import launch_study
from ranking import views
from ranking.reports import build_report
from tests.factories import make_judgment, make_rater, make_study, make_user

pytestmark = pytest.mark.django_db

PATH = "/studies/open/leaderboard/"


@pytest.fixture
def made(monkeypatch):
    """Give alice an open study with a judgment; the list grows when a report is made."""
    cache.clear()
    study = launch_study(make_study(slug="open", systems=2, prompts=4))
    make_judgment(study.tasks.first(), make_rater(study))
    calls = []

    def counted(*args):
        calls.append(1)
        return build_report(*args)

    monkeypatch.setattr(views, "build_report", counted)
    return calls


def look(client):
    client.force_login(make_user("alice"))
    assert client.get(PATH).status_code == 200


def judge_once_more():
    study = make_user("alice").studies.get()
    make_judgment(study.tasks.last(), make_rater(study, "carol"), verdict="b")


def test_a_second_look_makes_nothing_anew(client, made):
    look(client)
    look(client)
    assert len(made) == 1


def test_a_judgment_makes_the_next_look_a_new_report(client, made):
    look(client)
    judge_once_more()
    look(client)
    assert len(made) == 2


def test_a_report_that_took_long_is_shown_a_while_longer(client, made, monkeypatch):
    monkeypatch.setattr(views, "LONG_SECONDS", 0)
    monkeypatch.setattr(views, "SHOWN_FOR", 1e6)
    look(client)
    judge_once_more()
    look(client)
    assert len(made) == 1
    later = views.time() + 1e9
    monkeypatch.setattr(views, "time", lambda: later)
    look(client)
    assert len(made) == 2


def test_another_cut_is_another_report(client, made):
    look(client)
    client.get(PATH, {"ties": "davidson"})
    assert len(made) == 2
