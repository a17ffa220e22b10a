"""The researcher's pages in a real browser: both themes, a phone, no scripts, an ended session."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.utils.timezone import now
from playwright.sync_api import BrowserContext, Page, expect

from annotation.launch import launch_study
from annotation.quality.declaring import declare_rules
from annotation.quality.reading import offers
from annotation.quality.rule_sets import basic
from annotation.quality.rules import RuleSpec
from generation.backends.media import read_wav
from generation.leases import record_engine
from generation.media import store_media
from generation.models import Output, System
from generation.services import queue_generation
from tests.browser.people import overflows, sign_in, violations
from tests.factories import (
    make_judgment,
    make_output,
    make_prompt_set,
    make_rater,
    make_study,
    make_system,
    make_user,
)
from tests.generation.sounds import tone

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    "/",
    "/accounts/tokens/",
    "/systems/",
    "/systems/new/",
    "/systems/fake/",
    "/prompt-sets/",
    "/prompt-sets/new/",
    "/prompt-sets/prompts-1/",
    "/prompt-sets/prompts-1/outputs/",
    "/jobs/",
    "/jobs/{job}/",
    "/outputs/{output}/",
    "/outputs/{sound}/",
    "/studies/",
    "/studies/new/",
    "/studies/draft/",
    "/studies/open/",
    "/studies/open/raters/{rater}/exclude/",
    "/studies/open/recruiting/",
    "/studies/open/quality/",
    "/studies/draft/rules/add/",
    "/studies/open/rules/add/",
    "/studies/open/rules/apply/",
    "/studies/open/rules/{rule}/retire/",
    "/studies/open/raters/{rater}/",
]
EMPTY = ["/", "/accounts/tokens/", "/systems/", "/prompt-sets/", "/jobs/", "/studies/"]
LONG = "A-name-that-somebody-gave-without-a-single-space-in-it-" * 2


@pytest.fixture
def places() -> dict[str, int]:
    """Give alice one of everything, with names and texts that are hard to set."""
    study = launch_study(make_study(slug="open", prompts=3, name=LONG))
    make_study(slug="draft")
    rater = make_rater(study, name=LONG)
    for task in study.tasks.all():
        make_judgment(task, rater, seconds=0.1)
    too_quick = RuleSpec(name=LONG[:60], measure="quick", threshold=0.5)
    declare_rules(study, [too_quick, *basic(offers(study))], reason="seen")
    fake = make_system(slug="fake", name=LONG, backend=System.Backend.FAKE)
    job = queue_generation(system=fake, prompt_set=study.prompt_set)
    first = job.outputs.all()[0]
    Output.objects.filter(pk=first.pk).update(state="failed", error="/a/" + "long/path" * 20)
    output = make_output(
        system=make_system(name="Formatted"),
        prompt=study.prompt_set.prompts.first(),
        text="#### Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('x' * 200)"
        + "  # and on" * 20
        + "\n```\n\n$x^2$\n\n> quoted",
        finish_reason="length",
        provenance={"token_ids": list(range(300))},
        engine=record_engine({"files": {"model.safetensors": "f" * 64}, "cpu": LONG}),
    )
    sound = make_output(
        system=make_system(name="Spoken"),
        prompt=study.prompt_set.prompts.first(),
        text="",
        media=store_media(read_wav(tone())),
    )
    return {
        "job": job.pk,
        "rater": rater.pk,
        "output": output.pk,
        "sound": sound.pk,
        "rule": study.rules.all()[0].pk,
    }


def signed_in_page(context: BrowserContext) -> Page:
    page = context.new_page()
    sign_in(page, make_user())
    return page


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_nothing(places, new_context, theme, width):
    size = {"width": width, "height": 800}
    page = signed_in_page(new_context(color_scheme=theme, viewport=size))
    found = []
    for path in PAGES:
        page.goto(path.format(**places))
        found += violations(page)
    assert "\n".join(found) == ""


def test_axe_finds_nothing_on_empty_pages(new_context):
    page = signed_in_page(new_context())
    found = []
    for path in EMPTY:
        page.goto(path)
        found += violations(page)
    assert "\n".join(found) == ""


def test_axe_finds_nothing_on_forms_with_errors(places, new_context):
    page = signed_in_page(new_context())
    for path, button in [("/systems/new/", "Make the system"), ("/studies/new/", "Make the draft")]:
        page.goto(path)
        page.locator("form.form").evaluate("form => { form.noValidate = true }")
        page.get_by_role("button", name=button).click()
        expect(page.locator(".errorlist").first).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("width", [360, 1280, 2560])
def test_no_page_scrolls_sideways(places, new_context, width):
    page = signed_in_page(new_context(viewport={"width": width, "height": 800}))
    wide = []
    for path in PAGES:
        page.goto(path.format(**places))
        if overflows(page):
            wide.append(path)
    assert wide == []


def test_the_size_is_shown_while_one_chooses_before_anything_is_named(new_context):
    make_prompt_set(prompts=10)
    for name in ("One", "Two", "Three"):
        make_system(name=name)
    page = signed_in_page(new_context())
    page.goto("/studies/new/")
    size = page.locator("#study-size")
    expect(size).to_contain_text("shown here as you choose")
    page.get_by_label("One", exact=True).check()
    page.get_by_label("Two", exact=True).check()
    expect(size.locator("dd").first).to_have_text("10")
    page.get_by_label("Three", exact=True).check()
    expect(size.locator("dd").first).to_have_text("30")
    page.get_by_label("Judgments for each task").fill("7")
    expect(size).to_contain_text("210")


def test_a_live_page_goes_to_sign_in_when_its_session_ends(places, new_context):
    page = signed_in_page(new_context())
    page.goto("/jobs/{job}/".format(**places))
    Session.objects.update(expire_date=now())
    page.wait_for_url("**/accounts/sign-in/?next=/jobs/*/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("alice-password")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/jobs/{job}/".format(**places))


def test_a_raters_link_is_copied(places, new_context):
    context = new_context(permissions=["clipboard-read", "clipboard-write"])
    page = signed_in_page(context)
    page.goto("/studies/open/")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    other = new_context().new_page()
    other.goto(link)
    expect(other.get_by_text("Helpful answers").first).to_be_visible()


def test_without_a_clipboard_the_link_stands_there_selected(places, new_context):
    page = signed_in_page(new_context())
    page.add_init_script("delete Navigator.prototype.clipboard")
    page.goto("/studies/open/")
    page.get_by_role("button", name="Copy link").click()
    field = page.get_by_label("Link", exact=True)
    expect(field).to_be_visible()
    assert "/r/" in field.input_value()
    assert page.evaluate("getSelection().toString()") == field.input_value()


def test_a_study_is_set_up_and_run_without_scripts(new_context):
    study = make_study(slug="draft")
    page = signed_in_page(new_context(java_script_enabled=False))
    page.goto("/studies/draft/")
    page.get_by_role("button", name="Launch the study").click()
    page.get_by_role("button", name="Make links").click()
    expect(page.get_by_text("1 rater invited")).to_be_visible()
    assert study.raters.get().invite_token in page.content()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The study is paused")).to_be_visible()
    page.locator("summary", has_text="Close").click()
    page.get_by_role("button", name="Close the study").click()
    expect(page.get_by_text("The study is closed")).to_be_visible()


def test_a_link_signs_in_by_one_button(new_context):
    from evalsite.accounts.services import create_login_link

    page = new_context().new_page()
    page.goto(f"/accounts/link/{create_login_link(make_user())}/")
    assert violations(page) == []
    page.get_by_role("button", name="Sign in as alice").click()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
