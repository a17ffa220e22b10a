"""Groups of raters and automated judges come in by a file or a link, and reports know them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.core.management import call_command

from annotation.joining import join, open_link
from annotation.launch import launch_study
from annotation.models import Rater, Study
from annotation.platforms import Ids
from annotation.services import invite_raters
from evalsite.lib.exceptions import InputRefused
from ranking.comparisons import Slice
from ranking.reports import Options, build_report
from tests.exchange.test_bad_judgments import refused, write_rows
from tests.factories import make_study, make_user

pytestmark = pytest.mark.django_db

COLUMNS = ("prompt_id", "system_a", "system_b", "verdict", "rater", "group", "judge")
PEOPLE = [("bob", "experts", ""), ("carol", "experts", ""), ("dan", "crowd", "no"), ("eve", "", "")]


def write_judgments(path: Path) -> Path:
    """Four people judge thirty prompts, and a judge that says a every time."""
    rows = [
        (f"p{prompt}", "x", "y", "ab"[(prompt * (r + 1)) % 3 == 0], *person)
        for prompt in range(30)
        for r, person in enumerate(PEOPLE)
    ]
    rows += [(f"p{prompt}", "x", "y", "a", "judge-1", "", "yes") for prompt in range(30)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


@pytest.fixture
def study(tmp_path) -> Study:
    make_user("alice", is_superuser=True)
    file = write_judgments(tmp_path / "judgments.csv")
    call_command("import_judgments", str(file), study="one", create=True, verbosity=0)
    return Study.objects.get()


def test_a_group_has_results_of_its_own(study):
    assert set(study.raters.values_list("name", "group")) == {
        *((name, group) for name, group, _ in PEOPLE),
        ("judge-1", ""),
    }
    report = build_report(study, Options(part=Slice(group="experts")))
    assert (report["counts"]["judgments"], report["counts"]["raters"]) == (60, 2)
    parts = {row["value"]: row["judgments"] for row in build_report(study)["slices"]}
    assert parts == {"experts": 60, "crowd": 30}


def test_a_judge_is_compared_with_people_and_is_never_in_the_fit(study):
    report = build_report(study)
    assert report["counts"]["raters"] == 4
    assert sum(row["judgments"] for row in report["standings"]) == 2 * 120
    (judge,) = report["judges"]
    assert (judge["judge"], judge["tasks"]) == ("judge-1", 30)
    said_a = study.judgments.filter(rater__is_judge=False, verdict="a").count()
    assert judge["with_ties"]["value"] == pytest.approx(said_a / 120)


def test_what_is_exported_comes_back_with_groups_and_judges(study, tmp_path):
    copy = tmp_path / "copy.csv"
    call_command("export_judgments", "one", format="csv", output=copy)
    call_command("import_judgments", str(copy), study="two", create=True, verbosity=0)
    first, second = (
        sorted(s.raters.values_list("name", "group", "is_judge"))
        for s in Study.objects.order_by("pk")
    )
    assert first == second


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": "crowd"}, "rater 'r' is in group 'crowd'; expected group 'experts', as before"),
        ({"group": "g" * 61}, "group has 61 characters; expected at most 60"),
        ({"judge": "yes"}, "judge is 'yes' for rater 'r'; expected a person, as before"),
        ({"judge": "maybe"}, "judge is 'maybe'; expected one of yes, no"),
    ],
)
def test_a_rater_is_one_thing_throughout(capsys, tmp_path, change, words):
    good = {"prompt_id": "p", "system_a": "x", "system_b": "y", "verdict": "a", "rater": "r"}
    rows = [{**good, "group": "experts"}, {**good, "prompt_id": "q"}, {**good, **change}]
    make_user("alice", is_superuser=True)
    line = refused(capsys, write_rows(tmp_path / "votes.jsonl", *rows))
    assert line.startswith("votes.jsonl:3: ")
    assert words in line


def test_who_is_invited_or_comes_by_a_link_is_of_its_group():
    study = launch_study(make_study())
    (rater,) = invite_raters(study, count=1, group="experts")
    guest = join(open_link(study, cap=3, group="crowd"), Ids())
    assert (rater.group, guest.group) == ("experts", "crowd")
    out = io.StringIO()
    call_command("invite_raters", study.slug, count=2, group="staff", stdout=out)
    assert Rater.objects.filter(group="staff").count() == 2
    with pytest.raises(InputRefused, match="at most 60"):
        invite_raters(study, count=1, group="g" * 61)
