"""Sounds, images and videos in a real browser: played by key, counted, and demanded."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image
from playwright.sync_api import Page, Response, expect

from annotation import rate_media_views
from annotation.launch import launch_study
from annotation.models import Judgment, Rater, Study
from annotation.way import set_way
from generation.media_responses import send_media
from tests.browser.people import overflows, start_judging, violations
from tests.factories import make_rater, make_study
from tests.media.makers import import_media, sound_study
from tests.media.test_images_and_videos import film

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SCREENS = [(360, 740), (1280, 800), (2560, 1440)]


def sounds(folder, *, must_play: bool = False, **kwargs) -> Rater:
    study = sound_study(folder, **kwargs)
    set_way(study, must_play=must_play)
    return make_rater(launch_study(study))


def images(folder) -> Study:
    study = make_study()
    files = {}
    for system, colour in zip(study.systems.all(), ("teal", "coral"), strict=True):
        written = io.BytesIO()
        Image.new("RGB", (640, 480), colour).save(written, "PNG")
        files[system.slug] = [written.getvalue()] * 2
    import_media(study, folder, files)
    return launch_study(study)


def films(folder) -> Study:
    study = make_study()
    slugs = [system.slug for system in study.systems.all()]
    content = film(folder, size="320x240", seconds=0.6)
    import_media(study, folder, {slug: [content] * 2 for slug in slugs})
    return launch_study(study)


def wait_until_ended(page: Page, place: str) -> None:
    page.wait_for_function(
        "place => JSON.parse(document.querySelector('[data-plays]').value || '{}')[place]?.[1] > 0",
        arg=place,
    )


def test_a_rater_plays_by_key_judges_by_key_and_the_counts_arrive(page, tmp_path):
    rater = sounds(tmp_path)
    start_judging(page, rater)
    expect(page.locator("audio")).to_have_count(2)
    page.keyboard.press("q")
    wait_until_ended(page, "0")
    page.keyboard.press("w")
    page.wait_for_function("() => !document.querySelectorAll('audio')[1].paused")
    page.keyboard.press("q")  # one at a time
    page.wait_for_function("() => document.querySelectorAll('audio')[1].paused")
    page.keyboard.press("q")
    page.keyboard.press("1")
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    judgment = Judgment.objects.get()
    slot = judgment.assignment
    first, second = ("0", "1") if slot.left == "a" else ("1", "0")
    assert judgment.plays[first]["ends"] == 1
    assert judgment.plays[first]["starts"] == 2
    assert judgment.plays[first]["seconds"] == pytest.approx(1, abs=0.1)
    assert judgment.plays[second]["starts"] == 1
    assert judgment.plays[second]["ends"] == 0
    # The next task begins with counts of its own.
    assert page.locator("[data-plays]").input_value() in ("", "{}")


def test_a_player_can_seek(page, tmp_path):
    start_judging(page, sounds(tmp_path))
    page.evaluate("document.querySelector('audio').currentTime = 0.7")
    page.wait_for_function("() => !document.querySelector('audio').seeking")
    assert page.evaluate("document.querySelector('audio').currentTime") == pytest.approx(0.7)
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(1, abs=0.01)


def test_answers_wait_until_all_was_heard_to_its_end(page, tmp_path):
    start_judging(page, sounds(tmp_path, must_play=True))
    left = page.get_by_role("button", name="Left is better")
    status = page.get_by_text("To answer, play to the end: Left, Right")
    expect(status).to_be_visible()
    expect(left).to_be_disabled()
    assert violations(page) == []
    page.keyboard.press("1")
    # What is jumped over was not heard.
    page.evaluate("document.querySelector('audio').currentTime = 0.9")
    page.keyboard.press("q")
    page.wait_for_function("() => document.querySelector('audio').ended")
    expect(status).to_be_visible()
    page.keyboard.press("q")
    wait_until_ended(page, "0")
    expect(page.get_by_text("To answer, play to the end: Right")).to_be_visible()
    expect(left).to_be_disabled()
    page.keyboard.press("w")
    wait_until_ended(page, "1")
    expect(left).to_be_enabled()
    assert not Judgment.objects.exists()
    page.keyboard.press("1")
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    expect(left).to_be_disabled()
    assert all(counts["ends"] for counts in Judgment.objects.get().plays.values())


def test_without_javascript_sounds_play_and_answers_are_taken(new_context, tmp_path):
    page = new_context(java_script_enabled=False).new_page()
    rater = sounds(tmp_path)
    page.goto(f"/r/{rater.invite_token}/")
    page.get_by_role("button").first.click()
    expect(page.locator("audio[controls]")).to_have_count(2)
    page.get_by_role("button", name="Left is better").click()
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    assert Judgment.objects.get().plays is None


def test_the_sheet_of_keys_names_what_plays_what(page, tmp_path):
    start_judging(page, sounds(tmp_path, protocol="mos", systems=1))
    page.keyboard.press("?")
    expect(page.get_by_text("Play or pause: Answer")).to_be_visible()
    assert violations(page) == []


def test_a_sound_that_is_gone_says_so(new_context, tmp_path):
    page = new_context().new_page()
    page.route("**/media/**", lambda route: route.fulfill(status=200, body="x"))
    start_judging(page, sounds(tmp_path))
    expect(page.get_by_text("This cannot be played.").first).to_be_visible()


@pytest.mark.parametrize("kind", ["sounds", "mos", "mushra", "images", "films"])
def test_every_medium_fits_every_screen(page, tmp_path, kind):
    if kind == "images":
        rater = make_rater(images(tmp_path))
    elif kind == "films":
        rater = make_rater(films(tmp_path))
    else:
        options = {"mushra": {"protocol": "mushra", "options": {"reference": False}}}
        more = options.get(kind, {"protocol": "mos"} if kind == "mos" else {})
        rater = sounds(tmp_path, **more)
    start_judging(page, rater)
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert not overflows(page)
        assert violations(page) == []
    if kind == "images":
        assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth)")
    if kind == "films":
        page.keyboard.press("q")
        wait_until_ended(page, "0")


def test_what_the_form_sends_is_what_the_server_reads(page, tmp_path):
    rater = sounds(tmp_path, protocol="mos", systems=1)
    start_judging(page, rater)
    page.keyboard.press("q")
    wait_until_ended(page, "0")
    sent = json.loads(page.locator("[data-plays]").input_value())
    page.keyboard.press("5")
    expect(page.get_by_text("1 of 2", exact=True)).to_be_visible()
    stored = Judgment.objects.get().plays
    assert stored["0"] == dict(zip(("starts", "ends", "seconds"), sent["0"], strict=True))


@pytest.mark.parametrize("kind", ["sounds", "images"])
def test_the_next_tasks_files_are_there_before_it_comes(page, tmp_path, monkeypatch, kind):
    rater = sounds(tmp_path, prompts=3) if kind == "sounds" else make_rater(images(tmp_path))
    sent: list[str] = []

    def counting(request, media):
        sent.append(request.path)
        return send_media(request, media)

    monkeypatch.setattr(rate_media_views, "send_media", counting)
    answers: list[Response] = []
    page.on("response", lambda r: answers.append(r) if r.url.endswith("/ahead/") else None)
    start_judging(page, rater)
    here = set(page.locator("#main :is(audio, img)").evaluate_all("all => all.map(e => e.src)"))
    page.wait_for_function(
        "() => performance.getEntriesByType('resource').some(e => e.name.endsWith('/ahead/'))"
    )
    files = answers[0].json()["files"]
    assert len(files) == 2
    page.wait_for_function(
        "files => files.every(file => performance.getEntriesByType('resource')"
        ".some(entry => entry.name.endsWith(file) && entry.responseEnd > 0))",
        arg=files,
    )
    before = len(sent)
    page.keyboard.press("1")
    expect(page.get_by_text("1 of", exact=False).first).to_be_visible()
    page.wait_for_function(
        "here => { const all = [...document.querySelectorAll('#main :is(audio, img)')];"
        " return all.length === 2 && all.every(e => !here.includes(e.src)"
        " && (e.complete || e.readyState === 4)); }",
        arg=list(here),
    )
    shown = page.locator("#main :is(audio, img)").evaluate_all("all => all.map(e => e.src)")
    assert [address.partition("/rate/")[2] for address in shown] == [
        file.partition("/rate/")[2] for file in files
    ]
    asked_again = [path for path in sent[before:] if path in files]
    assert asked_again == []
