"""Open links: exactly as many as the cap, one place a person, and no identity in an address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from annotation.exceptions import LinkClosed, PersonTaken
from annotation.joining import close_link, join, open_link
from annotation.launch import launch_study
from annotation.models import Arrival, OpenLink, Rater, Study
from annotation.platforms import Ids, link_path
from annotation.services import close_study, pause_study
from tests.annotation.people import path_of, text_of, where
from tests.factories import make_study, make_user

pytestmark = pytest.mark.django_db

IDS = {"PROLIFIC_PID": "5f1a", "STUDY_ID": "s1", "SESSION_ID": "v1"}


@pytest.fixture
def study() -> Study:
    return launch_study(make_study(consent="We store answers."))


@pytest.fixture
def link(study) -> OpenLink:
    return open_link(study, cap=2)


@pytest.fixture
def prolific(study) -> OpenLink:
    return open_link(study, cap=5, platform="prolific")


def address(link: OpenLink, **ids: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in ids.items())
    return link_path(link).split("?")[0] + (f"?{query}" if query else "")


def come(link: OpenLink, client: Client | None = None, **ids: str) -> tuple[Client, object]:
    client = client or Client()
    return client, client.post(address(link, **ids))


def test_the_link_invites_and_its_button_makes_a_rater_with_a_cookie(study, link):
    client = Client()
    assert "You are invited" in text_of(client.get(address(link)))
    assert not Rater.objects.exists(), "a preview of the link takes no place"
    answer = client.post(address(link))
    assert answer["Location"] == f"/rate/{study.public_id}/"
    cookie = client.cookies["rater"]
    assert (cookie["path"], cookie["httponly"]) == (f"/rate/{study.public_id}/", True)
    rater = Rater.objects.get()
    assert where(client, rater) == "consent"
    link.refresh_from_db()
    assert link.opened == 1


def test_whoever_came_goes_on_where_they_were_and_takes_one_place(link):
    client, _ = come(link)
    rater = Rater.objects.get()
    client.post(path_of(rater, "consent"))
    for act in (client.get, client.post):
        answer = act(address(link), follow=True)
        assert answer.redirect_chain[-1][0] == path_of(rater, "instructions")
    assert Rater.objects.count() == 1


def test_the_cap_is_the_number_that_is_admitted(link):
    answers = [come(link)[1] for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 409]
    assert "admits nobody more" in text_of(answers[2])
    assert Rater.objects.count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        OpenLink.objects.filter(pk=link.pk).update(opened=3)


def test_a_closed_link_admits_nobody_and_who_came_goes_on(link):
    client, _ = come(link)
    close_link(link)
    assert come(link)[1].status_code == 409
    assert client.get(address(link)).status_code == 302


@pytest.mark.parametrize("end", [pause_study, close_study])
def test_a_study_that_is_not_open_admits_nobody(study, link, end):
    end(study)
    assert come(link)[1].status_code == 409
    assert not Rater.objects.exists()


def test_a_forged_or_foreign_link_is_a_stranger(study, link):
    other = launch_study(make_study())
    token = address(link).rstrip("/").rsplit("/", 1)[-1]
    for path in (
        f"/rate/{study.public_id}/join/{token}x/",
        f"/rate/{other.public_id}/join/{token}/",
        f"/rate/{study.public_id}/join/x/",
        f"/r/{token}/",  # an open link is no personal one
    ):
        assert Client().post(path).status_code in (403, 405)
        assert Client().get(path).status_code == 403
    assert not Rater.objects.exists()


def test_a_personal_link_is_no_open_one(study, link):
    come(link)
    token = Rater.objects.get().invite_token
    assert Client().post(f"/rate/{study.public_id}/join/{token}/").status_code == 403


def test_the_platforms_ids_are_stored_at_first_use(prolific):
    come(prolific, **IDS)
    arrival = Arrival.objects.get()
    assert (arrival.person, arrival.listing, arrival.visit) == ("5f1a", "s1", "v1")
    assert arrival.rater == Rater.objects.get()


def test_mturk_has_its_own_names_and_a_preview(study):
    link = open_link(study, cap=1, platform="mturk")
    ids = {"workerId": "A1", "hitId": "H1", "assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE"}
    answer = come(link, **ids)[1]
    assert answer.status_code == 409
    assert "accept the task first" in text_of(answer)
    assert come(link, **{**ids, "assignmentId": "X1"})[1].status_code == 302
    arrival = Arrival.objects.get()
    assert (arrival.person, arrival.listing, arrival.visit) == ("A1", "H1", "X1")


@pytest.mark.parametrize(
    "ids",
    [
        {},
        {**IDS, "PROLIFIC_PID": ""},
        {**IDS, "PROLIFIC_PID": "x" * 101},
        {**IDS, "SESSION_ID": "%00"},
        {**IDS, "PROLIFIC_PID": "<b>"},
        {**IDS, "PROLIFIC_PID": "{{%PROLIFIC_PID%}}"},
        {"PROLIFIC_PID": "5f1a"},
    ],
)
def test_an_address_without_the_platforms_ids_admits_nobody(prolific, ids):
    for act in (Client().get, Client().post):
        answer = act(address(prolific, **ids))
        assert answer.status_code == 409
        assert "open the link from the platform" in text_of(answer)
    assert not Rater.objects.exists()


def test_an_id_in_an_address_opens_nobodys_session(prolific):
    come(prolific, **IDS)
    thief = Client()
    for act in (thief.get, thief.post):
        answer = act(address(prolific, **IDS))
        assert answer.status_code == 403
        assert "takes part with that id already" in text_of(answer)
    assert "rater" not in thief.cookies
    assert Rater.objects.count() == 1
    arrival = Arrival.objects.get()
    assert arrival.refused == 2
    assert arrival.refused_at


def test_one_person_takes_part_once_by_whichever_link(study, prolific):
    come(prolific, **IDS)
    second = open_link(study, cap=5, platform="prolific")
    assert come(second, **IDS)[1].status_code == 403
    second.refresh_from_db()
    assert second.opened == 0


def test_a_browser_with_one_person_in_it_is_not_anothers(prolific):
    client, _ = come(prolific, **IDS)
    answer = client.get(address(prolific, **{**IDS, "PROLIFIC_PID": "other"}))
    assert answer.status_code == 403
    assert "another id takes part from this browser" in text_of(answer)
    assert client.get(address(prolific, **IDS)).status_code == 302
    assert Rater.objects.count() == 1


def test_an_imported_raters_name_is_not_taken_twice(study, link):
    Rater.objects.create(study=study, name=f"Guest {link.pk}-1")
    assert come(link)[1].status_code == 302
    assert Rater.objects.count() == 2


def test_the_command_prints_one_link_with_the_platforms_placeholders(study):
    out = StringIO()
    call_command("invite_raters", study.slug, open=True, cap=30, platform="prolific", stdout=out)
    line = out.getvalue().strip()
    assert line.endswith(
        "/?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
    )
    assert study.open_links.get().cap == 30


@pytest.mark.parametrize(
    "options",
    [
        {"open": True},
        {"cap": 3},
        {"platform": "mturk"},
        {"open": True, "cap": 0},
        {"open": True, "cap": 3, "count": 2},
    ],
)
def test_the_command_refuses_what_does_not_go_together(study, options):
    error = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("invite_raters", study.slug, stderr=error, **options)
    assert ended.value.code == 2
    assert error.getvalue().count("\n") == 1
    assert not study.open_links.exists()


def test_the_researcher_makes_sees_and_closes_links(study):
    client = Client()
    client.force_login(make_user())
    client.post(f"/studies/{study.slug}/links/", {"cap": 7, "platform": "prolific"})
    link = study.open_links.get()
    come(link, **IDS)
    come(link, **IDS)
    page = text_of(client.get(f"/studies/{study.slug}/recruiting/"))
    assert "1 of 7" in page
    assert "{{%PROLIFIC_PID%}}" in page
    assert "Turned away" in page
    assert "5f1a" in page
    client.post(f"/studies/{study.slug}/links/{link.pk}/close/")
    link.refresh_from_db()
    assert link.closed_at
    for bad in ({"cap": 0}, {"cap": "x"}, {"cap": 3, "platform": "else"}, {}):
        client.post(f"/studies/{study.slug}/links/", bad)
    assert study.open_links.count() == 1


def together(count: int, act) -> list[str]:
    """Let threads act at once; return the names of what came back, errors included."""
    start = Barrier(count, timeout=30)

    def run(number: int) -> str:
        try:
            start.wait()
            return type(act(number)).__name__
        except (LinkClosed, PersonTaken) as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(run, range(count)))


@pytest.mark.django_db(transaction=True)
def test_a_cap_of_three_admits_three_of_eight_at_once(study):
    link = open_link(study, cap=3)
    came = together(8, lambda _: join(OpenLink.objects.get(pk=link.pk), Ids()))
    assert came == ["LinkClosed"] * 5 + ["Rater"] * 3
    assert Rater.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_one_person_in_six_browsers_at_once_is_one_rater(study):
    link = open_link(study, cap=6, platform="prolific")
    ids = Ids(person="5f1a", listing="s", visit="v")
    came = together(6, lambda _: join(OpenLink.objects.get(pk=link.pk), ids))
    assert came == ["PersonTaken"] * 5 + ["Rater"]
    link.refresh_from_db()
    assert link.opened == 1, "who is turned away takes no place"
    assert Arrival.objects.get().refused == 5
