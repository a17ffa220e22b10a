"""Reports in a real browser: both protocols, both themes, a phone, a file, no scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from annotation.launch import launch_study
from annotation.services import exclude
from ranking.models import Leaderboard
from ranking.reports import build_report
from ranking.reports.formats import FORMATS
from ranking.services import fit_leaderboard, share_leaderboard
from tests.browser.people import overflows, sign_in, violations
from tests.factories import make_judgment, make_rater, make_study, make_user
from tests.ranking.studies import KINDS, judged_study

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "A-name-that-somebody-gave-without-a-single-space-in-it-" * 2
PATHS = [
    "/studies/pairs/leaderboard/",
    "/studies/pairs/leaderboard/?ties=davidson&cap=0.2&adjust=on",
    "/studies/scores/leaderboard/",
    "/studies/empty/leaderboard/",
]


def judged(protocol: str, slug: str):
    study = launch_study(make_study(slug=slug, systems=4, prompts=6, protocol=protocol, name=LONG))
    system = study.systems.all()[0]
    system.name = f"{LONG} {slug}"
    system.save()
    for category, prompt in zip("xxyyzz", study.prompt_set.prompts.all(), strict=True):
        prompt.category = category
        prompt.save()
    for r in range(7):
        rater = make_rater(study, f"{LONG} {r}", group=("experts", "crowd")[r % 2])
        for number, task in enumerate(study.tasks.order_by("pk")):
            if protocol == "mos":
                make_judgment(task, rater, score=1 + (number * (r + 3)) % 5)
            else:
                verdict = ("a", "tie", "b", "a", "both_bad")[(number * (r + 2)) % 5]
                make_judgment(task, rater, verdict=verdict, left="ab"[(number + r) % 2])
    exclude(rater=rater, rule="too quick", reason=LONG)
    return study


@pytest.fixture
def shared() -> Leaderboard:
    """Give alice a judged study of each protocol, one that nobody judged, and a shared report."""
    study = judged("pairwise", "pairs")
    judged("mos", "scores")
    launch_study(make_study(slug="empty"))
    leaderboard = fit_leaderboard(study)
    share_leaderboard(leaderboard)
    return leaderboard


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("dark", 360)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(shared, new_context, theme, width):
    context = new_context(color_scheme=theme, viewport={"width": width, "height": 900})
    page = context.new_page()
    sign_in(page, make_user())
    found = []
    kept = f"/studies/pairs/leaderboard/{shared.pk}/"
    for path in [*PATHS, kept, shared.share_path]:
        page.goto(path)
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        found += violations(page)
        found += [f"{path} scrolls sideways"] if overflows(page) else []
    assert "\n".join(found) == ""


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing_in_the_report_of_any_protocol(new_context, theme, width):
    page = new_context(color_scheme=theme, viewport={"width": width, "height": 900}).new_page()
    sign_in(page, make_user())
    found = []
    for kind in KINDS:
        judged_study(kind, slug=kind.replace("_", "-"), raters=4, prompts=3)
        page.goto(f"/studies/{kind.replace('_', '-')}/leaderboard/")
        expect(page.locator("table.standings").first).to_be_visible()
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        found += violations(page)
        found += [f"{kind} scrolls sideways"] if overflows(page) else []
    assert "\n".join(found) == ""


def test_the_matrix_turns_its_faces_without_scripts(shared, new_context):
    page = new_context(java_script_enabled=False).new_page()
    page.goto(shared.share_path)
    faces = page.locator(".matrix .face")
    expect(faces.nth(0)).to_be_visible()
    expect(faces.nth(1)).to_be_hidden()
    page.get_by_label("Predicted").check()
    expect(faces.nth(0)).to_be_hidden()
    expect(faces.nth(1)).to_be_visible()


def test_the_file_opens_offline_and_asks_for_nothing(shared, chromium, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(FORMATS["html"].render(build_report(shared.study)), encoding="utf-8")
    context = chromium.new_context(offline=True)
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert asked == [file.as_uri()]
    assert said == []
    assert violations(page) == []
    context.close()


def test_a_report_is_cut_by_its_form(shared, new_context):
    page = new_context().new_page()
    sign_in(page, make_user())
    page.goto("/studies/pairs/leaderboard/")
    page.get_by_role("link", name="Cut or fit it otherwise").click()
    page.get_by_label("Raters", exact=True).select_option("experts")
    page.get_by_role("button", name="Show").click()
    expect(
        page.get_by_text("This report covers raters of group experts only.", exact=True)
    ).to_be_visible()
