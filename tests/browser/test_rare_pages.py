"""What is rarely looked at: pages for what went wrong, paper, a page that grew old, long texts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from annotation.launch import launch_study
from tests.annotation.people import path_of
from tests.browser.people import overflows, sign_in, start_judging, violations
from tests.factories import (
    make_judgment,
    make_output,
    make_prompt,
    make_prompt_set,
    make_rater,
    make_study,
    make_system,
    make_user,
)
from tests.protocols.rating import launched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 360, "height": 740}


def test_an_address_that_leads_nowhere_leads_a_rater_back(chromium, live_server):
    rater = make_rater(launched("pairwise"))
    # Not `new_context`: the browser notes a 404 as an error.
    context = chromium.new_context(base_url=live_server.url, viewport=PHONE)
    page = context.new_page()
    start_judging(page, rater)
    page.goto(path_of(rater, "nothing"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
    assert not overflows(page)
    page.get_by_role("link", name="Go on").click()
    expect(page.get_by_role("button", name="Left is better")).to_be_visible()
    context.close()


def test_a_press_on_a_page_that_grew_old_brings_a_fresh_one(page: Page):
    study = launched("pairwise")
    start_judging(page, make_rater(study))
    page.context.clear_cookies(name="csrftoken")
    with page.expect_navigation():
        page.keyboard.press("1")
    assert not study.judgments.exists()
    page.keyboard.press("1")
    expect(page.get_by_role("button", name="Undo last")).to_be_visible()
    assert study.judgments.count() == 1


def test_paper_is_white_whatever_the_screen(page: Page):
    study = launch_study(make_study(slug="one", systems=3, prompts=4))
    for name in "abc":
        rater = make_rater(study, name)
        for number, task in enumerate(study.tasks.order_by("pk")):
            make_judgment(task, rater, verdict="aab"[number % 3])
    sign_in(page, make_user())
    page.goto("/studies/one/leaderboard/")
    page.emulate_media(color_scheme="dark", media="print")
    lightness = "getComputedStyle(document.documentElement).getPropertyValue('--card').trim()"
    assert page.evaluate(lightness) == "#ffffff"
    for words in ("Cut or fit it otherwise", "Take it with you"):
        expect(page.get_by_role("heading", name=words)).to_be_hidden()
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.get_by_role("heading", name="Method")).to_be_visible()


def test_the_answer_stands_before_the_ways_to_cut_it(page: Page):
    study = launch_study(make_study(slug="one"))
    make_judgment(study.tasks.all()[0], make_rater(study))
    launch_study(make_study(slug="empty"))
    sign_in(page, make_user())
    page.goto("/studies/one/leaderboard/")
    answer, form = page.get_by_role("heading", level=1), page.locator("form.filters")
    top = "element => element.getBoundingClientRect().top"
    assert answer.evaluate(top) < form.evaluate(top)
    page.goto("/studies/empty/leaderboard/")
    expect(form).to_have_count(0)


def test_long_texts_are_cut_and_open_in_place_without_a_script(new_context):
    prompt_set = make_prompt_set(prompts=0, slug="long")
    prompt = make_prompt(prompt_set=prompt_set, key="p1")
    make_output(system=make_system(name="Endless"), prompt=prompt, text="word " * 5000)
    make_output(system=make_system(name="Curt"), prompt=prompt, text="No.")
    page = new_context(java_script_enabled=False, viewport=PHONE).new_page()
    page.goto("/accounts/sign-in/")
    page.get_by_label("Username").fill(make_user().username)
    page.get_by_label("Password").fill("alice-password")
    page.get_by_role("button", name="Sign in").click()
    page.goto("/prompt-sets/long/outputs/")
    text, box = page.locator(".cut"), page.get_by_label("Show p1 whole")
    before = box.bounding_box()
    assert text.bounding_box()["height"] < 500
    box.check()
    assert text.bounding_box()["height"] > 5000
    assert box.bounding_box() == before


def test_on_a_phone_the_impairment_scale_leaves_room_for_what_is_judged(new_context):
    page = new_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    start_judging(page, make_rater(launched("dcr")))
    boxes = [box.bounding_box() for box in page.locator("#answer button").all()]
    # Of one size: none is easier to hit.
    assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1
    assert all(box["height"] >= 44 for box in boxes)
    assert page.locator(".choices").bounding_box()["height"] < PHONE["height"] / 3


def test_the_sheet_of_keys_is_in_groups_and_fits_the_screen(page: Page):
    start_judging(page, make_rater(launched("mushra")))
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    assert sheet.get_by_role("heading", level=3).all_inner_texts() == ["Your answer", "This task"]
    assert sheet.evaluate("sheet => sheet.scrollHeight <= sheet.clientHeight")
    assert violations(page) == []
