"""The desk of MUSHRA in Chromium: only what is heard is rated, loops, keys, every size."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from annotation.models import Study
from tests.browser.people import overflows, start_judging, violations
from tests.factories import make_rater
from tests.media.mushra import sound_mushra

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: Three systems, the hidden reference, two anchors: what plays them.
KEYS = "qwtyio"


@pytest.fixture(autouse=True)
def _files_in_a_folder(settings, tmp_path) -> None:
    """Two readers of one file in memory would share a place."""
    backend = "django.core.files.storage.FileSystemStorage"
    folder = {"BACKEND": backend, "OPTIONS": {"location": str(tmp_path / "media")}}
    settings.STORAGES = {**settings.STORAGES, "default": folder}


@pytest.fixture
def study(tmp_path) -> Study:
    return sound_mushra(tmp_path)


def begin(page: Page, study: Study) -> None:
    start_judging(page, make_rater(study))
    loaded(page)


def loaded(page: Page) -> None:
    # The first sound of a browser starts its audio process.
    expect(page.get_by_role("button", name="Answer A")).to_be_enabled(timeout=20_000)
    expect(page.get_by_text("could not be loaded")).to_be_hidden()


def slider(page: Page, letter: str) -> Locator:
    return page.get_by_role("slider", name=f"Answer {letter}")


def number(page: Page, letter: str) -> Locator:
    return page.get_by_label(f"Answer {letter}, from 0 to 100")


def heard(page: Page, place: object) -> float:
    """Return the seconds of it that the form says were heard."""
    said = page.locator("[data-plays]").input_value()
    return float(json.loads(said or "{}").get(str(place), [0, 0, 0])[2])


def listen(page: Page, key: str, place: int) -> None:
    """Play it until half a second of it was heard; what plays is counted when another begins."""
    page.keyboard.press(key)
    begun = page.evaluate("performance.now()")
    page.wait_for_function("begun => performance.now() - begun > 800", arg=begun)
    page.keyboard.press("r")
    assert heard(page, place) >= 0.5


def test_every_sound_is_heard_and_rated_by_keyboard(page, study):
    begin(page, study)
    for place, key in enumerate(KEYS):
        listen(page, key, place)
        page.keyboard.press(key)
        expect(slider(page, "ABCDEF"[place])).to_be_focused()
        page.keyboard.press("4")
        for _ in range(place):
            page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".bar .num")).to_have_text("1 of 2")
    judgment = study.judgments.get()
    answer = judgment.answer
    assert [answer["scores"][place] for place in answer["order"]] == [70, 71, 72, 73, 74, 75]
    assert judgment.plays["reference"]["starts"] == len(KEYS)
    loaded(page)  # the next task has sounds of its own
    page.keyboard.press("q")
    expect(page.get_by_role("button", name="Answer A")).to_have_attribute("aria-pressed", "true")


def test_a_slider_whose_sound_is_not_heard_cannot_be_moved(page, study):
    begin(page, study)
    for letter in "ABCDEF":
        expect(slider(page, letter)).to_be_disabled()
        expect(number(page, letter)).not_to_be_editable()
    page.keyboard.press("4")
    box = slider(page, "B").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    assert [number(page, letter).input_value() for letter in "ABCDEF"] == [""] * 6
    page.get_by_role("button", name="Answer B").click()
    expect(slider(page, "B")).to_be_enabled()
    for letter in "ACDEF":
        expect(slider(page, letter)).to_be_disabled()
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    assert 85 <= int(number(page, "B").input_value()) <= 95
    page.keyboard.press("r")  # the open reference: nothing can be rated while it plays
    expect(slider(page, "B")).to_be_disabled()
    page.keyboard.press("2")
    assert 85 <= int(number(page, "B").input_value()) <= 95
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()


def test_an_answer_with_an_unheard_sound_comes_back_with_what_was_given(page, study):
    begin(page, study)
    listen(page, "q", 0)
    page.keyboard.press("q")
    page.keyboard.press("3")
    for letter in "BCDEF":  # as a tampered page would
        number(page, letter).evaluate("field => { field.value = '10'; }")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert").filter(has_text="one was not heard yet")).to_be_visible()
    loaded(page)
    expect(number(page, "A")).to_have_value("50")
    assert heard(page, 0) >= 0.5
    assert not study.judgments.exists()


def test_a_loop_is_set_by_keyboard_and_by_pointer_and_is_half_a_second_at_least(page, study):
    begin(page, study)
    first, last = page.get_by_label("Repeat from"), page.get_by_label("Repeat up to")
    first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(first).to_have_value("0.5")
    last.focus()
    page.keyboard.press("Home")
    expect(last).to_have_value("1")  # half a second after the beginning
    expect(first).to_have_value("0.5")
    page.keyboard.press("q")
    position = page.locator("[data-position]")
    for _ in range(20):
        here = float(position.inner_text().split("/")[0])
        assert 0.4 <= here <= 1.05
        page.evaluate("() => new Promise(requestAnimationFrame)")
    box = first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.95, box["y"] + box["height"] / 2)
    expect(first).to_have_value("1.5")
    expect(last).to_have_value("2")
    page.get_by_role("button", name="The whole sound").click()
    expect(first).to_have_value("0")
    expect(last).to_have_value("2")


def test_a_sound_that_does_not_come_can_be_asked_for_again(page, study):
    page.route("**/media/*/2/", lambda route: route.fulfill(status=403))
    start_judging(page, make_rater(study))
    alert = page.get_by_role("alert").filter(has_text="could not be loaded")
    expect(alert).to_be_visible()
    expect(page.get_by_role("button", name="Answer A")).to_be_disabled()
    page.unroute("**/media/*/2/")
    page.get_by_role("button", name="Try again").first.click()
    loaded(page)
    expect(alert).to_be_hidden()


def test_the_key_sheet_has_what_plays(page, study):
    begin(page, study)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    for words in ("Answer F", "Reference", "Stop", "Repeat from here", "Repeat the whole sound"):
        expect(sheet.get_by_text(words).first).to_be_visible()


def test_without_motion_the_place_is_told_once_a_second(new_context, study):
    page = new_context(reduced_motion="reduce").new_page()
    begin(page, study)
    page.keyboard.press("q")
    expect(page.locator("[data-position]")).not_to_have_text("0.0 / 2.0 s")


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "dark"), (1280, "light"), (1280, "dark"), (2560, "light")]
)
def test_twelve_signals_fit_every_screen_and_axe_finds_nothing(
    new_context, tmp_path, width, scheme
):
    study = sound_mushra(tmp_path, systems=9, prompts=1, seconds=0.6)
    page = new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    begin(page, study)
    assert page.locator("[data-slider]").count() == 12
    page.keyboard.press("k")
    expect(slider(page, "L")).to_be_focused()
    assert violations(page) == []
    assert not overflows(page)
    tracks = page.locator("[data-slider] input[type=range]").all()
    assert len({round(track.bounding_box()["x"]) for track in tracks}) == 1
    assert len({round(track.bounding_box()["width"]) for track in tracks}) == 1
