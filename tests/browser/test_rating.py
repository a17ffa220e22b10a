"""A rater at work: keys, undo, a lost connection, no scripts, phones."""

from __future__ import annotations

import pytest
from django.utils.timezone import now
from playwright.sync_api import Page, expect

from annotation.launch import launch_study
from annotation.models import Judgment, Rater, Study
from tests.browser.people import overflows, start_judging, violations
from tests.factories import make_output, make_prompt, make_rater, make_study

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HARD = [
    "Maths: $x=\\frac{-b}{2a}$ and $$\\sum_i x_i$$\n\n```python\nprint(1)\n```",
    "كلمات من اليمين إلى اليسار مع **تأكيد** و `code`.",
    "long " * 5000,
    "W" * 2000,
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n```\n"
    + "wide " * 200
    + "\n```\n\n<script>alert(1)</script>",
]


def make_launched(**kwargs) -> tuple[Study, Rater]:
    study = launch_study(make_study(consent="We store your answers.", **kwargs))
    return study, make_rater(study)


def make_hard_study() -> Rater:
    study = make_study(prompts=0)
    for position, text in enumerate(HARD):
        prompt = make_prompt(prompt_set=study.prompt_set, position=position, text=text[:400])
        for number, system in enumerate(study.systems.all()):
            make_output(system=system, prompt=prompt, text=text if number else "Short.")
    launch_study(study)
    return make_rater(study)


def progress(page: Page) -> str:
    return page.locator(".bar .num").inner_text()


def test_keys_judge_undo_and_skip(page):
    study, rater = make_launched(prompts=4)
    start_judging(page, rater)
    page.keyboard.press("1")
    expect(page.locator(".bar .num")).to_have_text("1 of 4")
    page.keyboard.press("u")
    expect(page.get_by_text("You chose Left is better")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("You chose")).to_be_hidden()
    first, second = study.judgments.order_by("pk")
    assert second.supersedes == first
    assert {first.verdict, second.verdict} == {"a", "b"}
    shown = page.locator("#answer input[name=token]").input_value()
    page.keyboard.press("s")
    expect(page.locator(f'#answer input[value="{shown}"]')).to_have_count(0)
    expect(page.locator("#announce")).to_have_text("Task 2 of 4")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("1")  # the sheet is open: nothing is judged
    page.keyboard.press("Escape")
    assert progress(page) == "1 of 4"
    assert study.assignments.filter(state="skipped", rater=rater).count() == 1


def test_a_comment_is_typed_and_stored_with_the_answer(page):
    study, rater = make_launched()
    start_judging(page, rater)
    page.keyboard.press("c")
    page.keyboard.type("1 of these is wrong")  # the digit is text, not an answer
    assert progress(page) == "0 of 2"
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator(".bar .num")).to_have_text("1 of 2")
    assert study.judgments.get().comment == "1 of these is wrong"


def test_mos_by_keyboard_to_the_end(page):
    study, rater = make_launched(protocol="mos")
    start_judging(page, rater)
    for number, key in enumerate("1524", start=1):
        page.keyboard.press(key)
        expect(page.locator(".bar .num")).to_have_text(f"{number} of 4")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert sorted(study.judgments.values_list("score", flat=True)) == [1, 2, 4, 5]


def test_an_answer_survives_a_lost_connection_and_is_stored_once(page):
    study, rater = make_launched()
    start_judging(page, rater)
    page.context.set_offline(True)
    page.keyboard.press("1")
    expect(page.get_by_text("the connection is lost")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("4")  # one answer is on its way already
    page.context.set_offline(False)
    expect(page.locator(".bar .num")).to_have_text("1 of 2")
    expect(page.get_by_text("the connection is lost")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    first, last = study.judgments.order_by("pk")
    slot = first.assignment
    assert first.verdict == slot.left
    assert last.verdict == "tie"


def lose_answers(route):
    if route.request.method == "POST":
        route.abort("internetdisconnected")
    else:
        route.continue_()


def test_an_answer_is_sent_again_when_the_rater_says_so(page):
    study, rater = make_launched(prompts=3)
    # Before the page: a browser that is asked meanwhile can let the first answer through.
    page.route("**/judge/", lose_answers)
    start_judging(page, rater)
    page.keyboard.press("1")
    expect(page.get_by_text("the connection is lost")).to_be_visible()
    page.unroute("**/judge/")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".bar .num")).to_have_text("1 of 3")
    assert study.judgments.count() == 1


def test_an_answer_whose_receipt_got_lost_is_sent_again_and_stored_once(page):
    study, rater = make_launched(prompts=3)
    start_judging(page, rater)

    def lose_the_receipt(route):
        route.fetch()  # stored
        route.abort("internetdisconnected")

    page.route("**/judge/", lose_the_receipt, times=1)
    page.keyboard.press("1")
    expect(page.locator(".bar .num")).to_have_text("1 of 3")
    expect(page.get_by_text("the connection is lost")).to_be_hidden()
    assert study.judgments.count() == 1


def test_an_answer_survives_a_reload_of_the_page(page):
    study, rater = make_launched(prompts=3)
    page.route("**/judge/", lose_answers)
    start_judging(page, rater)
    page.keyboard.press("c")
    page.keyboard.type("typed before the line broke")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.get_by_text("the connection is lost")).to_be_visible()
    page.unroute("**/judge/")
    page.reload()
    expect(page.locator(".bar .num")).to_have_text("1 of 3")
    assert study.judgments.get().comment == "typed before the line broke"
    page.reload()
    expect(page.locator(".bar .num")).to_have_text("1 of 3")


def test_an_answer_that_came_too_late_says_so(page):
    study, rater = make_launched(prompts=3)
    start_judging(page, rater)
    page.context.set_offline(True)
    page.keyboard.press("1")
    expect(page.get_by_text("the connection is lost")).to_be_visible()
    study.assignments.filter(state="claimed").update(lease_until=now())
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="This answer was not stored.")).to_be_visible()
    assert study.judgments.count() == 0


def test_a_flag_sets_the_task_aside_and_the_rater_goes_on(page):
    study, rater = make_launched(prompts=3)
    start_judging(page, rater)
    shown = page.locator("#answer input[name=token]").input_value()
    page.keyboard.press("f")
    page.get_by_label("What is wrong with this task?").select_option("broken")
    page.get_by_label("More, if you like").fill("1 picture is missing")
    assert violations(page) == []
    page.get_by_role("button", name="Flag it and go on").click()
    expect(page.locator(f'#answer input[value="{shown}"]')).to_have_count(0)
    expect(page.locator("#announce")).to_have_text("Task 1 of 3")
    flag = study.flags.get()
    assert (flag.reason, flag.text) == ("broken", "1 picture is missing")
    assert study.judgments.count() == 0


def test_two_quick_presses_are_one_answer(page):
    study, rater = make_launched(prompts=3)
    start_judging(page, rater)
    page.evaluate(
        "for (const _ of [1, 2]) document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key: '1', bubbles: true}))"
    )
    expect(page.locator(".bar .num")).to_have_text("1 of 3")
    assert study.judgments.count() == 1


def test_it_works_without_scripts(new_context):
    _, rater = make_launched()
    page = new_context(java_script_enabled=False).new_page()
    start_judging(page, rater)
    page.get_by_role("button", name="Left is better").click()
    page.get_by_role("button", name="Undo last").click()
    page.get_by_role("button", name="Tie").click()
    page.get_by_role("button", name="Both bad").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    current = Judgment.objects.current().values_list("verdict", flat=True)
    assert sorted(current) == ["both_bad", "tie"]


@pytest.mark.parametrize("scripts", [True, False])
def test_going_back_shows_the_task_of_now_and_stores_nothing_twice(new_context, scripts):
    study, rater = make_launched(prompts=4)
    page = new_context(java_script_enabled=scripts).new_page()
    start_judging(page, rater)
    for number in (1, 2):
        page.get_by_role("button", name="Tie").click()
        expect(page.locator(".bar .num")).to_have_text(f"{number} of 4")
    shown = page.locator("#answer input[name=token]").input_value()
    page.go_back()
    page.goto(f"/rate/{study.public_id}/")
    expect(page.locator(".bar .num")).to_have_text("2 of 4")
    expect(page.locator("#answer input[name=token]")).to_have_value(shown)
    page.go_back()
    page.go_forward()
    page.get_by_role("button", name="Left is better").click()
    expect(page.locator(".bar .num")).to_have_text("3 of 4")
    assert [j.verdict for j in study.judgments.order_by("pk")][:2] == ["tie", "tie"]
    assert study.judgments.count() == 3


def test_another_device_goes_on_where_the_first_one_left_off(new_context):
    _, rater = make_launched(prompts=3)
    phone = new_context(viewport={"width": 360, "height": 740}).new_page()
    laptop = new_context().new_page()
    start_judging(phone, rater)
    phone.get_by_role("button", name="Tie").click()
    expect(phone.locator(".bar .num")).to_have_text("1 of 3")
    laptop.goto(f"/r/{rater.invite_token}/")
    expect(laptop.locator(".bar .num")).to_have_text("1 of 3")
    shown = phone.locator(".prompt .text").inner_text()
    assert laptop.locator(".prompt .text").inner_text() == shown


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_text_breaks_the_page_and_axe_finds_nothing(new_context, width, scheme):
    rater = make_hard_study()
    page = new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    start_judging(page, rater)
    for number in range(1, len(HARD) + 1):
        boxes = [box.bounding_box() for box in page.locator(".output").all()]
        assert boxes[0]["width"] == boxes[1]["width"]
        assert not overflows(page)
        choices = page.locator("#answer").bounding_box()
        assert choices["y"] + choices["height"] <= 800  # always in sight
        assert violations(page) == []
        page.keyboard.press("2")
        expect(page.locator(".bar .num")).to_have_text(f"{number} of {len(HARD)}")
    assert violations(page) == []


def test_the_pages_before_and_after_please_axe(page):
    study, rater = make_launched()
    page.goto("/r/forged/")
    assert violations(page) == []
    page.goto(f"/r/{rater.invite_token}/")
    assert violations(page) == []
    page.get_by_role("button", name="I agree").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    assert violations(page) == []
    page.goto(f"/rate/{study.public_id}/pause/")
    assert violations(page) == []
