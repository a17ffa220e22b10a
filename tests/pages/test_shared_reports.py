"""A frozen report goes out by an unguessable link, and tells no more than it should."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.test import Client

from annotation.launch import launch_study
from annotation.models import Study
from annotation.services import exclude
from ranking.models import Leaderboard
from ranking.reports import Options, build_report
from ranking.reports.formats import FORMATS
from ranking.services import fit_leaderboard, share_leaderboard
from tests.factories import make_judgment, make_rater, make_study, make_user

pytestmark = pytest.mark.django_db

RATER = "Bob the rater, bob@example.org"


@pytest.fixture
def study() -> Study:
    study = launch_study(make_study(slug="open", systems=3, prompts=4))
    for name in (RATER, "carol", "dan"):
        rater = make_rater(study, name)
        for number, task in enumerate(study.tasks.all()):
            make_judgment(task, rater, verdict=("a", "tie", "b")[number % 3])
    exclude(rater=study.raters.get(name="dan"), rule="too quick", reason=f"{RATER} says so")
    return study


@pytest.fixture
def shared(study) -> Leaderboard:
    leaderboard = fit_leaderboard(study)
    share_leaderboard(leaderboard)
    return leaderboard


def alice() -> Client:
    client = Client()
    client.force_login(make_user("alice"))
    return client


def test_whoever_has_the_link_reads_the_report_and_nobody_is_named(client, shared):
    answer = client.get(shared.share_path)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert shared.report["headline"] in page
    assert RATER not in page
    assert "bob@example.org" not in page
    assert "rater 1" in page
    assert "/studies/" not in page
    assert answer["X-Robots-Tag"] == "noindex"
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_form_of_a_shared_report_leaves_raters_unnamed(client, shared, format):
    answer = client.get(f"{shared.share_path}report.{format}")
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    assert RATER not in answer.content.decode()
    assert client.get(f"{shared.share_path}report.exe").status_code == 404


def test_it_stays_the_same_when_judgments_arrive(client, study, shared):
    before = client.get(shared.share_path).content
    make_judgment(study.tasks.first(), make_rater(study, "late"), verdict="b")
    assert client.get(shared.share_path).content == before


def test_without_the_link_there_is_nothing(client, shared):
    assert client.get("/reports/guess/").status_code == 404
    shared.share_token = ""
    shared.save()
    assert client.get("/reports/x/").status_code == 404
    assert client.get("/reports//").status_code == 404


def test_the_owner_shares_and_takes_back_and_the_next_link_is_another(client, study):
    kept = fit_leaderboard(study)
    page = f"/studies/open/leaderboard/{kept.pk}/"
    assert "Share by link" in alice().get(page).content.decode()
    alice().post(f"{page}share/")
    kept.refresh_from_db()
    first = kept.share_path
    assert len(kept.share_token) >= 32
    assert first in alice().get(page).content.decode()
    alice().post(f"{page}share/")
    kept.refresh_from_db()
    assert kept.share_path == first
    alice().post(f"{page}unshare/")
    assert client.get(first).status_code == 404
    alice().post(f"{page}share/")
    kept.refresh_from_db()
    assert kept.share_path != first


class Links(HTMLParser):
    """Everything in a page that a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.found += [tag] if tag in ("script", "link", "img", "iframe", "object") else []
        self.found += [v for k, v in found.items() if k in ("src", "href", "srcset") and v]


def test_the_html_file_opens_offline(study):
    page = FORMATS["html"].render(build_report(study))
    links = Links()
    links.feed(page)
    assert links.found == []
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", page)
    assert "default-src 'none'" in page
    assert "<style>" in page
    assert "Win rate" in page
    assert RATER not in page
    assert "hx-get" not in page


def test_names_cannot_break_out_of_the_file(study):
    first = study.systems.first()
    type(first).objects.filter(pk=first.pk).update(name="</style><script>alert(1)</script>")
    page = FORMATS["html"].render(build_report(study))
    assert "<script>" not in page
    assert page.count("</style>") == 2


def test_a_report_is_cut_and_fitted_by_its_address(study):
    prompt = study.prompt_set.prompts.first()
    type(prompt).objects.filter(pk=prompt.pk).update(category="maths")
    client = alice()
    page = client.get("/studies/open/leaderboard/?category=maths").content.decode()
    assert "This report covers prompts of category maths only." in page
    page = client.get("/studies/open/leaderboard/?ties=davidson").content.decode()
    assert "Davidson, 1970" in page
    page = client.get("/studies/open/leaderboard/?cap=0.2").content.decode()
    assert "No rater has more than 20% of the weight" in page
    file = client.get("/studies/open/leaderboard.json?category=maths").json()
    assert file["method"]["slice"] == "prompts of category maths"
    assert file["counts"]["judgments"] == 6


@pytest.mark.parametrize(
    "query", ["category=nonsense", "since=yesterday", "cap=7", "ties=elo", "until=9999-99-99"]
)
def test_an_address_that_asks_for_nonsense_gets_the_usual_report(study, query):
    answer = alice().get(f"/studies/open/leaderboard.json?{query}")
    assert answer.status_code == 200
    assert answer.json()["counts"]["judgments"] == 24
    assert alice().get(f"/studies/open/leaderboard/?{query}").status_code == 200


def test_a_kept_leaderboard_keeps_how_it_was_cut(study):
    alice().post("/studies/open/leaderboard/keep/?cap=0.1&ties=davidson")
    method = study.leaderboards.get().report["method"]
    assert (method["ties"], method["rater_cap"]) == ("davidson", 0.1)


def test_a_report_of_an_older_version_still_shows(client, shared):
    """Kept reports are never rewritten: pages must do without what they lack."""
    old = build_report(shared.study, Options())
    for key in ("checks", "funnel", "slices", "raters", "other_ties", "second_opinion"):
        del old[key]
    for row in old["standings"]:
        for key in ("best", "acceptability", "bound"):
            del row[key]
    for pair in old["pairs"]:
        del pair["residual"]
    Leaderboard.objects.filter(pk=shared.pk).update(report=old)
    assert client.get(shared.share_path).status_code == 200
    assert client.get(f"{shared.share_path}report.md").status_code == 200
    assert client.get(f"{shared.share_path}report.csv").status_code == 200
