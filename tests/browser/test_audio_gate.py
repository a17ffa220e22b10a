"""The audio gate in Chromium: by keyboard, by touch, without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from annotation.models import AudioCheck, Rater
from tests.annotation.test_audio_gate import ALL_PARTS, gated
from tests.browser.people import overflows, violations
from tests.factories import make_rater

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bob() -> Rater:
    return make_rater(gated())


def come(page: Page, rater: Rater) -> None:
    page.goto(f"/r/{rater.invite_token}/")
    for button in ("I agree", "Start"):
        page.get_by_role("button", name=button).click()
    expect(page.get_by_role("heading", name="Set your volume")).to_be_visible()


def right() -> list[int]:
    current = AudioCheck.objects.latest("number").current
    assert current
    return list(current["right"])


def choose(page: Page, places: list[int]) -> None:
    for number, place in enumerate(places):
        group = page.get_by_role("group").nth(number)
        group.get_by_role("radio").nth(place).check()
    page.get_by_role("button", name="Go on").click()


def press(page: Page, places: list[int]) -> None:
    """Answer by keyboard: the first radio by space, then arrows, then Enter on the button."""
    for number, place in enumerate(places):
        page.get_by_role("group").nth(number).get_by_role("radio").first.focus()
        page.keyboard.press("Space")
        for _ in range(place):
            page.keyboard.press("ArrowDown")
        expect(
            page.get_by_role("group").nth(number).get_by_role("radio").nth(place)
        ).to_be_checked()
    page.keyboard.press("Enter")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_every_page_of_it_is_in_order(new_context, bob, width, scheme):
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    come(page, bob)
    assert violations(page) == []
    assert not overflows(page)
    page.get_by_role("button", name="My volume is set").click()
    for number in range(len(ALL_PARTS)):
        expect(page.get_by_text(f"Part {number + 1} of 4")).to_be_visible()
        assert violations(page) == []
        assert not overflows(page)
        choose(page, right())
    expect(page.locator("#answer")).to_be_visible()


def test_by_keyboard_and_a_failed_try_says_what_to_see_to(page, bob):
    come(page, bob)
    begin = page.get_by_role("button", name="My volume is set")
    begin.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Part 1 of 4")).to_be_visible()
    press(page, [(place + 1) % 3 for place in right()])
    expect(page.get_by_role("alert")).to_contain_text("You can try once more")
    assert violations(page) == []
    begin.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Part 1 of 4")).to_be_visible()
    press(page, right())
    expect(page.get_by_text("Part 2 of 4")).to_be_visible()


def test_without_scripts(new_context, bob):
    page = new_context(java_script_enabled=False).new_page()
    come(page, bob)
    page.get_by_role("button", name="My volume is set").click()
    for number in range(len(ALL_PARTS)):
        expect(page.get_by_text(f"Part {number + 1} of 4")).to_be_visible()
        choose(page, right())
    expect(page.locator("#answer")).to_be_visible()


def test_the_sounds_play_one_at_a_time(page, bob):
    come(page, bob)
    page.get_by_role("button", name="My volume is set").click()
    expect(page.get_by_text("Part 1 of 4")).to_be_visible()
    playing = "[...document.querySelectorAll('audio')].map((a) => !a.paused)"
    for number in (0, 4):
        page.evaluate("number => document.querySelectorAll('audio')[number].play()", number)
        page.wait_for_function(f"number => ({playing})[number]", arg=number)
        assert page.evaluate(playing) == [i == number for i in range(6)]
    lengths = page.evaluate("[...document.querySelectorAll('audio')].map((a) => a.duration)")
    assert lengths == [4.0] * 6


def test_the_sides_of_a_sound_arrive_in_the_browser(page):
    bob = make_rater(gated("ears"))
    come(page, bob)
    page.get_by_role("button", name="My volume is set").click()
    expect(page.get_by_text(re.compile("Part 1 of 1"))).to_be_visible()
    loud = page.evaluate(
        """async () => {
          const context = new OfflineAudioContext(2, 1, 24000);
          const loud = (samples) => Math.max(...samples) > 0.01;
          return Promise.all([...document.querySelectorAll("audio")].map(async (player) => {
            const bytes = await (await fetch(player.src)).arrayBuffer();
            const sound = await context.decodeAudioData(bytes);
            return [loud(sound.getChannelData(0)), loud(sound.getChannelData(1))];
          }));
        }"""
    )
    sides = [[True, False], [False, True], [True, True]]
    assert loud == [sides[place] for place in right()]
