"""Forms of several parts: by keyboard alone, without scripts, on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from annotation.launch import launch_study
from tests.browser.people import overflows, start_judging, violations
from tests.browser.test_rating import HARD
from tests.factories import make_output, make_prompt, make_rater, make_study
from tests.protocols.rating import KINDS, launched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def begin(page: Page, kind: str, **kwargs):
    study = launched(kind, **kwargs)
    start_judging(page, make_rater(study))
    return study


def progress(page: Page, words: str) -> None:
    expect(page.locator(".bar .num")).to_have_text(words)


def test_digits_answer_one_criterion_after_the_other_and_enter_sends(page):
    study = begin(page, "likert")
    for key in "25":
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Enter")
    progress(page, "1 of 4")
    assert study.judgments.get().answer == {"scores": {"clear": 2, "it_is_correct": 5}}
    page.keyboard.press("u")
    expect(page.get_by_text("This is what you answered.")).to_be_visible()
    expect(page.get_by_role("radio", name="A little")).to_be_checked()
    page.keyboard.press("1")
    page.keyboard.press("Enter")  # all is answered: the correction is sent
    expect(page.get_by_text("This is what you answered.")).to_be_hidden()
    assert study.judgments.current().get().answer["scores"] == {"clear": 1, "it_is_correct": 5}


def test_enter_goes_to_what_is_not_answered_and_keys_work_in_between(page):
    study = begin(page, "criteria")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radiogroup", name="Which is clearer?")).to_be_focused()
    page.keyboard.press("9")  # is no choice
    page.keyboard.press("4")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("1")  # the sheet is open: nothing is answered
    page.keyboard.press("Escape")
    assert page.get_by_role("radio", checked=True).count() == 1
    page.keyboard.press("c")
    page.keyboard.type("2 of them")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    progress(page, "1 of 2")
    judgment = study.judgments.get()
    assert (judgment.verdict, judgment.comment) == ("tie", "2 of them")


def test_best_and_worst_are_two_digits(page):
    study = begin(page, "best_worst")
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("two different answers")
    expect(page.get_by_role("radio", checked=True)).to_have_count(2)
    page.get_by_role("radiogroup", name="Worst").focus()
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    progress(page, "1 of 2")
    answer = study.judgments.get().answer
    assert (answer["best"], answer["worst"]) == (answer["order"][0], answer["order"][2])


def test_sliders_by_digit_arrow_and_typed_number(page):
    study = begin(page, "mushra")
    for key in ("5", "ArrowRight", "Tab", "1", "Tab", "3"):
        page.keyboard.press(key)
    expect(page.get_by_label("Answer A, from 0 to 100")).to_have_value("91")
    expect(page.get_by_label("Answer B, from 0 to 100")).to_have_value("10")
    page.keyboard.press("Enter")  # goes to the last one, which is not answered yet
    expect(page.get_by_role("slider", name="Answer D")).to_be_focused()
    page.get_by_label("Answer D, from 0 to 100").fill("72")
    expect(page.get_by_role("slider", name="Answer D")).to_have_value("72")
    page.keyboard.press("Enter")
    progress(page, "1 of 2")
    answer = study.judgments.get().answer
    assert [answer["scores"][place] for place in answer["order"]] == [91, 10, 50, 72]


def test_a_slider_counts_as_moved_once_it_is_clicked(page):
    begin(page, "no_reference")
    slider = page.get_by_role("slider", name="Answer A")
    assert "untouched" in slider.locator("..").get_attribute("class")
    slider.click()  # in the middle, where the handle stands already
    expect(page.get_by_label("Answer A, from 0 to 100")).to_have_value("50")
    assert "untouched" not in slider.locator("..").get_attribute("class")


def test_a_required_reason_is_asked_for_after_the_choice(page):
    study = begin(page, "reason")
    page.keyboard.press("1")
    expect(page.get_by_label("Why?")).to_be_focused()
    page.keyboard.type("It is true.")
    page.get_by_role("button", name="Send").click()
    progress(page, "1 of 2")
    assert study.judgments.get().comment == "It is true."


def test_the_time_goes_on_where_an_answer_came_back(page):
    study = begin(page, "best_worst")
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    so_far = float(page.locator("[data-seconds]").input_value())
    assert so_far > 0
    page.get_by_role("radiogroup", name="Worst").focus()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    progress(page, "1 of 2")
    assert study.judgments.get().seconds > so_far


def test_strength_is_one_key(page):
    study = begin(page, "strength")
    page.keyboard.press("0")
    progress(page, "1 of 2")
    assert study.judgments.get().answer == {"strength": 4}


@pytest.mark.parametrize("kind", ["likert", "criteria", "best_worst", "mushra", "reason", "ccr"])
def test_it_works_without_scripts(new_context, kind):
    page = new_context(java_script_enabled=False).new_page()
    study = begin(page, kind)
    if kind == "ccr":
        page.get_by_role("button", name="About the same").click()
    else:
        for number, group in enumerate(page.get_by_role("radiogroup").all()):
            group.get_by_role("radio").nth(number).check()
        for field in page.get_by_role("spinbutton").all():
            field.fill("33")
        if kind == "reason":
            page.get_by_label("Why?").fill("So.")
        page.get_by_role("button", name="Send").click()
    progress(page, re.compile(r"1 of \d"))
    assert study.judgments.count() == 1


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "dark"), (2560, "light")]
)
def test_no_form_breaks_the_page_and_axe_finds_nothing(new_context, width, scheme):
    context = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for kind in KINDS:
        page = context.new_page()
        begin(page, kind)
        boxes = [box.bounding_box() for box in page.locator(".output:not(.reference)").all()]
        assert len({round(box["width"], 1) for box in boxes}) == 1
        assert not overflows(page)
        assert violations(page) == []
        page.close()


@pytest.mark.parametrize("kind", ["mushra", "dcr"])
def test_hostile_texts_stay_in_columns_of_one_width(new_context, kind):
    study = make_study(**KINDS[kind], prompts=0)
    for position, text in enumerate(HARD):
        make_prompt(prompt_set=study.prompt_set, position=position, text=text[:200], reference=text)
    for prompt in study.prompt_set.prompts.all():
        for number, system in enumerate(study.systems.all()):
            make_output(system=system, prompt=prompt, text=prompt.reference if number else "Short.")
    launch_study(study)
    page = new_context(viewport={"width": 360, "height": 740}).new_page()
    start_judging(page, make_rater(study))
    for _ in HARD:
        boxes = [box.bounding_box() for box in page.locator(".output").all()]
        assert len({round(box["width"], 1) for box in boxes}) == 1
        assert not overflows(page)
        token = page.locator("#answer [name=token]").input_value()
        page.get_by_role("button", name="Skip").click()
        expect(page.locator(f'[name=token][value="{token}"]')).to_have_count(0)
