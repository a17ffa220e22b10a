"""A protocol is one file and a line: pages, files, API, commands and reports then know it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.core.management import call_command

from annotation.launch import launch_study
from annotation.models import Study
from annotation.protocols import PROTOCOLS
from annotation.protocols.base import Scored
from annotation.protocols.likert import Likert
from annotation.protocols.parts import Mark
from annotation.services import create_study
from ranking.exceptions import RankingError
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from ranking.services import fit_leaderboard
from tests.factories import (
    make_judgment,
    make_outputs,
    make_prompt_set,
    make_rater,
    make_system,
    make_user,
)
from tests.pages.people import signed_in
from tests.pages.test_studies import NEW, filled
from tests.protocols.rating import Rating

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, kw_only=True)
class YesNo(Scored):
    name = "yes_no"
    label = "Yes or no: is one acceptable"
    question = "Would you accept this answer?"
    words = ("No", "Yes")

    @property
    def template(self) -> str:
        return "annotation/rate/_mos.html"


class Stars(Likert):
    """Neither plain scores nor any other family that reports know."""

    name = "stars"

    @classmethod
    def parse(cls, options):
        return cls(criteria=())

    @property
    def values(self) -> int:
        return 6

    @property
    def counts_more(self) -> bool:
        return False

    def marks(self, answer, *, places):
        return [Mark(0, None, answer.score)]


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(PROTOCOLS, YesNo.name, YesNo)


def test_the_form_offers_it():
    alice = signed_in()
    assert YesNo.label in alice.get(NEW).content.decode()
    answer = alice.post(NEW, filled(protocol="yes_no"))
    assert YesNo.label in alice.get(answer["Location"]).content.decode()
    assert Study.objects.get().question == YesNo.question


def test_it_is_rated_exported_imported_and_reported(tmp_path):
    prompt_set, systems = make_prompt_set(), [make_system() for _ in range(2)]
    make_outputs(prompt_set, systems)
    study = create_study(
        owner=make_user(), name="New", protocol="yes_no", prompt_set=prompt_set, systems=systems
    )
    bob = Rating(launch_study(study))
    for choice in "1212":
        bob.send(choice=choice)
    assert sorted(study.judgments.values_list("score", flat=True)) == [1, 1, 2, 2]
    report = build_report(study)
    assert {row["judgments"] for row in report["standings"]} == {2}
    assert "on the scale of 1 to 2" in report["method_in_words"]
    for form in FORMATS.values():
        assert "System 1" in form.render(report)
    again = there_and_back(study, tmp_path)
    assert again.protocol == "yes_no"
    # By system: a file names them in the order in which they were judged.
    assert means(build_report(again)) == means(report)


def means(report):
    return {row["name"]: (row["mos"], row["judgments"]) for row in report["standings"]}


def there_and_back(study, folder):
    file = folder / "out.jsonl"
    call_command("export_judgments", study.slug, format="jsonl", output=file)
    call_command("import_judgments", file, study="again", create=True, verbosity=0)
    return Study.objects.get(slug="again")


def test_one_that_nobody_fits_has_means_and_counts(tmp_path, monkeypatch):
    monkeypatch.setitem(PROTOCOLS, Stars.name, Stars)
    prompt_set, systems = make_prompt_set(), [make_system() for _ in range(2)]
    make_outputs(prompt_set, systems)
    study = create_study(
        owner=make_user(), name="New", protocol="stars", prompt_set=prompt_set, systems=systems
    )
    launch_study(study)
    for name, score in (("bob", 1), ("carol", 3)):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            make_judgment(task, rater, score=score)
    report = build_report(study)
    assert report["headline"] == "8 judgments, in means and counts."
    rows = report["tables"][0]["rows"]
    assert [row["cells"][0]["value"] for row in rows] == [2.0, 2.0]
    assert all(row["cells"][0]["low"] == 0 for row in rows)
    for name, form in FORMATS.items():
        assert "System 1" in form.render(report), name
    with pytest.raises(RankingError, match="no fit"):
        fit_leaderboard(study)
    assert "nothing is ranked" in report["method_in_words"]
