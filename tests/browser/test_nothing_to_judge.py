"""Every page that stands where a task would: readable, for axe too, in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils.timezone import now
from playwright.sync_api import Page, expect

from annotation.joining import close_link, open_link
from annotation.launch import launch_study
from annotation.models import Rater, Study
from annotation.platforms import link_path
from annotation.services import close_study, pause_study
from generation.models import Output
from tests.annotation.people import enter, judge_all, path_of
from tests.browser.people import overflows, start_judging, violations
from tests.factories import make_output, make_rater, make_study

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def rater_of(study: Study, name: str = "bob") -> Rater:
    return make_rater(launch_study(study), name)


def paused(page: Page) -> None:
    rater = rater_of(make_study())
    start_judging(page, rater)
    rater.study.assignments.filter(rater=rater).update(state="open", rater=None, lease_until=None)
    pause_study(rater.study)
    page.reload()


def still_being_made(page: Page) -> None:
    study = make_study()
    for output in Output.objects.all():
        output.delete()
        make_output(system=output.system, prompt=output.prompt, state="pending", text="")
    rater = rater_of(study)
    enter(rater)
    page.goto(f"/r/{rater.invite_token}/")


def between_rounds(page: Page) -> None:
    rater = rater_of(
        make_study(systems=4, prompts=8, pairing="adaptive", task_budget=30, judgments_per_task=3)
    )
    judge_all(enter(rater), rater)
    page.goto(f"/r/{rater.invite_token}/")


def held_by_another(page: Page) -> None:
    study = launch_study(make_study(prompts=1, judgments_per_task=1))
    other = make_rater(study, "ann")
    enter(other).get(path_of(other, "judge"))
    start_judging(page, make_rater(study))


def closed(page: Page) -> None:
    rater = rater_of(make_study())
    enter(rater)
    close_study(rater.study)
    page.goto(f"/r/{rater.invite_token}/")


def too_late(page: Page) -> None:
    rater = rater_of(make_study())
    start_judging(page, rater)
    rater.study.assignments.filter(rater=rater).update(lease_until=now())
    page.keyboard.press("1")


def ended_as(outcome: str) -> Callable[[Page], None]:
    def end(page: Page) -> None:
        rater = rater_of(make_study())
        judge_all(enter(rater), rater, at_most=100)
        Rater.objects.filter(pk=rater.pk).update(outcome=outcome)
        page.goto(f"/r/{rater.invite_token}/")

    return end


def link_is_closed(page: Page) -> None:
    link = open_link(launch_study(make_study()), cap=1)
    close_link(link)
    page.goto(link_path(link))


@pytest.mark.parametrize(
    ("come_to", "heading"),
    [
        (paused, "The study is paused."),
        (still_being_made, "The next answers are still being written."),
        (between_rounds, "There is nothing to judge just now."),
        (held_by_another, "There is nothing to judge"),
        (closed, "There is nothing to judge here."),
        (too_late, "This answer was not stored."),
        (ended_as("complete"), "Thank you. All is saved."),
        (ended_as("failed"), "Thank you. All is saved."),
        (ended_as("screened_out"), "Thank you for your time."),
        (link_is_closed, "You cannot begin here."),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.__name__,
)
def test_axe_finds_nothing_and_nothing_is_too_wide(new_context, come_to, heading):
    page = new_context(viewport={"width": 360, "height": 740}).new_page()
    come_to(page)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    assert not overflows(page)
