"""From an empty database to a report, through the pages, with the real model."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Judgment, Rater, Study
from generation.models import Output
from tests.browser.people import sign_in, start_judging
from tests.factories import make_user
from tests.processes import run_manage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.model,
    pytest.mark.django_db(transaction=True),
]

PROMPTS = """{"id": "sea", "prompt": "Write one sentence about the sea.", "category": "write"}
{"id": "tea", "prompt": "How do I make tea?", "category": "advise"}
{"id": "after-one", "prompt": "Which number comes after one?", "reference": "two"}
"""


def make_system(page: Page, name: str, temperature: str) -> None:
    page.goto("/systems/new/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Model").fill("smollm2-135m-instruct")
    page.get_by_label("Temperature").fill(temperature)
    page.get_by_label("New tokens, at most").fill("12")
    page.get_by_role("button", name="Make the system").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def judge_everything(page: Page) -> int:
    """Answer by keyboard until the end page; return how many answers were given."""
    given = 0
    while not page.get_by_role("heading", name="Thank you").is_visible():
        progress = page.locator(".bar .num")
        before = progress.inner_text()
        page.keyboard.press("1" if given % 3 else "4")
        given += 1
        expect(progress).not_to_have_text(before)
    return given


def test_a_researcher_and_a_rater_go_the_whole_way(new_context, tmp_path):
    alice = make_user("alice")
    page = new_context().new_page()
    sign_in(page, alice)

    make_system(page, "Careful", "0")
    make_system(page, "Wild", "1.2")
    page.goto("/prompt-sets/new/")
    page.get_by_label("Name").fill("Three prompts")
    (tmp_path / "prompts.jsonl").write_text(PROMPTS)
    page.get_by_label("File").set_input_files(tmp_path / "prompts.jsonl")
    page.get_by_role("button", name="Make the prompt set").click()
    expect(page.get_by_role("heading", name="Three prompts")).to_be_visible()

    page.get_by_label("Careful").check()
    page.get_by_label("Wild").check()
    page.get_by_role("button", name="Queue generation").click()
    expect(page.get_by_text("0 of 3").first).to_be_visible()
    page.get_by_role("link", name=re.compile(r"\d\d:\d\d")).first.click()
    expect(page.get_by_text("No worker is on it now")).to_be_visible()
    worked = run_manage("run_generation_worker", "--drain")
    assert worked.returncode == 0, worked.stderr
    expect(page.get_by_text("3 of 3")).to_be_visible()  # by itself: the page is live
    assert Output.objects.done().exclude(text="").count() == 6

    page.goto("/studies/new/")
    page.get_by_label("Name").fill("Careful or wild")
    page.get_by_label("Careful").check()
    page.get_by_label("Wild").check()
    page.get_by_label("Judgments for each task").fill("1")
    expect(page.locator("#study-size")).to_contain_text("Judgments wanted")
    expect(page.locator("#study-size dd").first).to_have_text("3")
    page.get_by_role("button", name="Make the draft").click()
    page.get_by_role("button", name="Launch the study").click()
    expect(page.get_by_text("The study is open")).to_be_visible()
    page.get_by_role("button", name="Make links").click()
    expect(page.get_by_text("1 rater invited")).to_be_visible()

    bob = new_context().new_page()
    start_judging(bob, Rater.objects.get())
    assert judge_everything(bob) == 3
    study = Study.objects.get()
    assert study.judgments.count() == 3
    assert set(Judgment.objects.values_list("verdict", flat=True)) <= {"a", "b"}
    assert all(seconds > 0 for seconds in Judgment.objects.values_list("seconds", flat=True))

    expect(page.get_by_text("3 of 3")).to_be_visible()
    page.get_by_role("link", name="Leaderboard").first.click()
    expect(page.get_by_text("Only one rater has judged")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    report = json.loads(download.value.path().read_text())
    assert report["counts"]["judgments"] == 3
    assert {row["name"] for row in report["standings"]} == {"Careful", "Wild"}
    wins = {row["name"]: row["wins"] for row in report["standings"]}
    for row in study.study_systems.select_related("system"):
        a = study.judgments.filter(verdict="a", task__system_a=row.system).count()
        b = study.judgments.filter(verdict="b", task__system_b=row.system).count()
        assert wins[row.system.name] == a + b
