"""A protocol is one file and a line: pages, files, API, commands and reports then know it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.core.management import call_command

from annotation.launch import launch_study
from annotation.models import Study
from annotation.protocols import PROTOCOLS
from annotation.protocols.base import Scored
from annotation.services import create_study
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from tests.factories import make_outputs, make_prompt_set, make_system, make_user
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
    assert report["headline"] == "4 judgments, in means and counts."
    assert {row["cells"][0]["judgments"] for row in report["tables"][0]["rows"]} == {2}
    for form in FORMATS.values():
        assert "System 1" in form.render(report)
    file = tmp_path / "out.jsonl"
    call_command("export_judgments", study.slug, format="jsonl", output=file)
    call_command("import_judgments", file, study="again", create=True, verbosity=0)
    again = Study.objects.get(slug="again")
    assert again.protocol == "yes_no"
    assert build_report(again)["tables"] == report["tables"]
