"""A rater of a platform from the link to the code, by keyboard, by touch and without scripts."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from annotation.gold_files import import_gold
from annotation.joining import open_link
from annotation.launch import launch_study
from annotation.models import OpenLink, Rater, Study
from annotation.platforms import link_path
from annotation.way import set_way
from tests.annotation.test_endings import SURVEY
from tests.annotation.test_gold import gold_row, make_draft
from tests.browser.people import overflows, violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def link() -> OpenLink:
    study = make_draft(prompts=6, consent="We store your answers.", tasks_per_rater=2)
    rows = [gold_row("p1", kind="training", feedback="The **capital** is named.")]
    rows += [gold_row(f"p{n}", kind="qualification") for n in (2, 3)]
    import_gold(study, [*rows, gold_row("p6")])
    set_way(
        study,
        check_every=3,
        qualification_tasks=1,
        survey=SURVEY,
        code_complete="C1A2B3",
        hourly_pay=Decimal(12),
        paid_minutes=30,
    )
    return open_link(launch_study(study), cap=3, platform="prolific")


def address(link: OpenLink) -> str:
    return link_path(link).split("?")[0] + "?PROLIFIC_PID=5f1a&STUDY_ID=s&SESSION_ID=v"


def right_side() -> str:
    slot = Rater.objects.get().assignments.get(state="claimed")
    return "Left" if slot.left == "a" else "Right"


class Looking:
    """Looks at every page on the way: nothing for axe, nothing wider than the screen."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def at(self, heading: str) -> None:
        expect(self.page.get_by_text(heading).first).to_be_visible()
        assert violations(self.page) == []
        assert not overflows(self.page)


def go_the_way(page: Page, link: OpenLink, look: Looking) -> None:
    page.goto(address(link))
    look.at("You are invited to take part.")
    for button in ("Begin", "I agree", "Start"):
        page.get_by_role("button", name=button).click()
    look.at("A few tasks to begin with")
    page.get_by_role("button", name=f"{right_side()} is better").click()
    look.at("That is right.")
    page.get_by_role("link", name="Go on").click()
    look.at("A few tasks that show")
    page.get_by_role("button", name=f"{right_side()} is better").click()
    look.at("30 min paid")
    while page.locator("#answer").count():
        shown = page.locator("#answer input[name=token]").input_value()
        page.get_by_role("button", name="Tie").click()
        expect(page.locator(f'#answer input[value="{shown}"]')).to_have_count(0)
    look.at("A few last questions")
    page.get_by_role("button", name="Finish").click()
    look.at("This field is required.")
    page.get_by_label("30+").check()
    page.get_by_label("7: easy").check()
    page.get_by_role("button", name="Finish").click()
    look.at("Thank you. All is saved.")
    back = page.get_by_role("link", name="Go back to where you came from")
    expect(back).to_have_attribute("href", re.compile(r"^https://app\.prolific\.com/.*=C1A2B3$"))


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_from_the_link_to_the_code(new_context, link, width, scheme):
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    go_the_way(page, link, Looking(page))
    rater = Rater.objects.get()
    assert rater.outcome == Rater.Outcome.COMPLETE
    assert rater.assignments.targets().judged().count() == 2


def test_the_way_needs_no_scripts(new_context, link):
    page = new_context(java_script_enabled=False).new_page()

    class NotLooking(Looking):
        def at(self, heading: str) -> None:
            expect(self.page.get_by_text(heading).first).to_be_visible()

    go_the_way(page, link, NotLooking(page))
    assert Rater.objects.get().outcome == Rater.Outcome.COMPLETE


def test_the_words_after_a_training_answer_come_and_go_by_key(page, link):
    page.goto(address(link))
    for button in ("Begin", "I agree", "Start"):
        page.get_by_role("button", name=button).click()
    expect(page.get_by_text("A few tasks to begin with")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_text("We see it otherwise.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("A few tasks that show")).to_be_visible()
    assert Study.objects.get().judgments.count() == 1


def test_another_browser_with_the_same_id_is_turned_away(new_context, link):
    first, second = new_context().new_page(), new_context().new_page()
    first.goto(address(link))
    first.get_by_role("button", name="Begin").click()
    second.goto(address(link))
    expect(second.get_by_text("takes part with that id already")).to_be_visible()
    assert violations(second) == []
    first.goto(address(link))
    expect(first.get_by_role("button", name="I agree")).to_be_visible()
