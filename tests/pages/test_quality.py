"""The researcher sees how raters judge, what rules would do, and does it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Study
from annotation.quality.applying import preview_rules
from annotation.quality.declaring import declare_rules
from annotation.quality.tables import SORTS
from annotation.services import lift_exclusion
from annotation.way import set_way
from tests.annotation.test_gold import gold_row, make_draft
from tests.factories import make_judgment, make_rater, make_study, make_user
from tests.pages.people import signed_in
from tests.quality.studies import HASTE, QUICK, RUN, judge_all_tasks, make_ruled_study

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
QUALITY = "/studies/one/quality/"
APPLY = "/studies/one/rules/apply/"


@pytest.fixture
def study() -> Study:
    study = make_ruled_study(QUICK, slug="one")
    judge_all_tasks(study, "bob")
    judge_all_tasks(study, "charlie", seconds=0.2)
    return study


def text(page) -> str:
    return str(page.content.decode())


def names(page) -> list[str]:
    return [row.name for row in page.context["rows"]]


# The table


def test_the_page_has_each_raters_measures_and_the_rules_that_hit(study):
    page = signed_in().get(QUALITY)
    assert names(page) == ["bob", "charlie"]
    bob, charlie = page.context["rows"]
    headings = [measure.name for measure in page.context["measures"]]
    assert (bob.cells[headings.index("pace")], charlie.cells[headings.index("pace")]) == (
        "2", "300",
    )  # fmt: skip
    assert (bob.hit_by, charlie.hit_by) == ([], ["too quick"])
    assert "1 of 2" in text(page)


def test_measures_that_are_known_of_nobody_have_no_column(study):
    shown = {measure.name for measure in signed_in().get(QUALITY).context["measures"]}
    assert "gold" not in shown
    assert "agreement" in shown


def test_a_column_sorts_its_worst_first(study):
    alice = signed_in()
    assert names(alice.get(QUALITY + "?sort=quick")) == ["charlie", "bob"]
    make_judgment(study.tasks.first(), make_rater(study, "adam"), seconds=None)
    assert names(alice.get(QUALITY + "?sort=judged"))[-1] == "adam"


@pytest.mark.parametrize("sort", [*SORTS, "", "password", "owner__password", "haste"])
def test_orders_are_a_closed_list(study, sort):
    page = signed_in().get(QUALITY, {"sort": sort})
    assert page.status_code == 200
    assert page.context["sort"] == (sort if sort in SORTS else "name")


def test_the_table_has_pages_that_keep_the_order():
    study = make_ruled_study(slug="one", prompts=1)
    for number in range(60):
        make_rater(study, f"rater {number:02}")
    page = signed_in().get(QUALITY + "?sort=pace")
    assert len(page.context["rows"]) == 50
    assert "?page=2&amp;sort=pace" in text(page)
    assert len(signed_in().get(QUALITY + "?sort=pace&page=2").context["rows"]) == 10


def test_the_page_costs_the_same_with_many_raters(study, django_assert_max_num_queries):
    for number in range(30):
        judge_all_tasks(study, f"rater {number}")
    alice = signed_in()
    with django_assert_max_num_queries(15):
        alice.get(QUALITY)


def test_htmx_gets_the_part_alone_and_asks_again_only_while_the_study_is_open(study):
    alice = signed_in()
    part = text(alice.get(QUALITY + "?sort=pace", headers=HTMX))
    assert part.lstrip().startswith('<div id="quality"')
    assert 'hx-get="/studies/one/quality/?sort=pace"' in part
    assert "<html" not in part
    Study.objects.update(state="closed")
    assert "every 5s" not in text(alice.get(QUALITY))


def test_a_draft_has_no_quality_yet():
    make_study(slug="one")
    assert signed_in().get(QUALITY)["Location"] == "/studies/one/"


def test_a_study_without_rules_or_raters_says_so():
    launch_study(make_study(slug="one"))
    page = text(signed_in().get(QUALITY))
    assert "declares no rules" in page
    assert "No raters yet" in page


def test_hostile_names_are_shown_as_text(study):
    make_rater(study, "<script>alert(1)</script>")
    page = text(signed_in().get(QUALITY))
    assert "<script>alert" not in page


# One rater


def test_a_rater_has_a_page_with_measures_runs_and_judgments(study):
    charlie = study.raters.get(name="charlie")
    page = text(signed_in().get(f"/studies/one/raters/{charlie.pk}/"))
    assert "Hit by the rule: too quick" in page
    assert page.count("quick</span>") == 6
    assert not re.search(r"System \d", page)


def test_runs_are_of_one_button_and_longest_first():
    study = launch_study(make_study(slug="one", prompts=12))
    rater = make_rater(study)
    for number, task in enumerate(study.tasks.order_by("pk")):
        # Left all along, whichever system stood there; then a tie six times.
        left = "ab"[number % 2]
        make_judgment(task, rater, verdict=left if number < 5 else "tie", left=left)
    page = signed_in().get(f"/studies/one/raters/{rater.pk}/")
    assert [(run.pressed, run.length) for run in page.context["runs"]] == [("tie", 7), ("left", 5)]


def test_checks_are_marked_for_the_researcher():
    study = make_draft(slug="one", prompts=3)
    import_gold(study, [gold_row("p1")])
    set_way(study, check_every=2)
    launch_study(study)
    rater = make_rater(study)
    make_judgment(study.tasks.get(is_gold=True), rater, verdict="b")
    page = signed_in().get(f"/studies/one/raters/{rater.pk}/")
    assert [row["check"] for row in page.context["judgments"]] == ["gold, wrong"]


def test_a_rater_who_has_not_judged_has_a_page(study):
    rater = make_rater(study, "late")
    assert "Nothing judged yet" in text(signed_in().get(f"/studies/one/raters/{rater.pk}/"))


def test_an_automated_judge_is_not_measured_as_a_rater(study):
    judge = make_rater(study, "machine", is_judge=True)
    make_judgment(study.tasks.first(), judge)
    alice = signed_in()
    assert names(alice.get(QUALITY)) == ["bob", "charlie"]
    assert alice.get(f"/studies/one/raters/{judge.pk}/").context["figures"] == []


# Preview and apply


def hidden(page) -> dict[str, str]:
    return dict(re.findall(r'name="(upto|rules)" value="([^"]*)"', text(page)))


def test_the_preview_says_who_and_why_and_a_button_does_it(study):
    alice = signed_in()
    preview = alice.get(APPLY)
    assert "charlie" in text(preview)
    assert "answers quicker than the outputs can be looked at: 100%" in text(preview)
    assert not study.exclusions.exists()
    done = alice.post(APPLY, hidden(preview), follow=True)
    assert "Excluded: 1 raters" in text(done)
    assert "left out" in text(done)
    assert study.exclusions.get().by.username == "alice"


def test_judgments_that_come_after_the_preview_wait_for_the_next(study):
    alice = signed_in()
    preview = alice.get(APPLY)
    judge_all_tasks(study, "dora", seconds=0.1)
    alice.post(APPLY, hidden(preview))
    assert [row.rater.name for row in study.exclusions.all()] == ["charlie"]
    assert "dora" in text(alice.get(APPLY))
    assert "dora" not in text(alice.get(APPLY, {"upto": hidden(preview)["upto"]}))


def test_rules_that_changed_meanwhile_have_to_be_looked_at_again(study):
    alice = signed_in()
    preview = alice.get(APPLY)
    declare_rules(study, [RUN], reason="seen")
    again = alice.post(APPLY, hidden(preview), follow=True)
    assert "rules have changed meanwhile" in text(again)
    assert not study.exclusions.exists()


@pytest.mark.parametrize(
    "body", [{}, {"upto": "x"}, {"upto": -1}, {"upto": 10**30}, {"upto": 1, "rules": "²-x"}]
)
def test_a_post_without_a_preview_does_nothing(study, body):
    answer = signed_in().post(APPLY, body)
    assert (answer.status_code, answer["Location"]) == (302, APPLY)
    assert not study.exclusions.exists()


def test_many_single_judgments_of_a_rater_are_one_line():
    study = make_ruled_study(HASTE, slug="one")
    judge_all_tasks(study, "charlie", seconds=0.2)
    page = signed_in().get(APPLY)
    assert len(page.context["rows"]) == 1
    assert "6 judgments" in text(page)


def test_what_was_lifted_is_counted_and_not_proposed(study):
    alice = signed_in()
    alice.post(APPLY, hidden(alice.get(APPLY)))
    lift_exclusion(study.exclusions.get())
    page = text(alice.get(APPLY))
    assert "find nothing that is not excluded" in page
    assert "charlie" not in page


# Rules and alarms


def test_a_rule_is_retired_with_a_reason(study):
    alice, rule = signed_in(), study.rules.get()
    path = f"/studies/one/rules/{rule.pk}/retire/"
    alice.post(APPLY, hidden(alice.get(APPLY)))
    assert "1 exclusion." in text(alice.get(path))
    assert "This field is required" in text(alice.post(path))
    assert study.rules.in_force().exists()
    page = alice.post(path, {"reason": "the clock was wrong"}, follow=True)
    assert "exclusions lifted: 1" in text(page)
    assert not study.rules.in_force().exists()
    assert alice.get(path).status_code == 404


def test_an_alarm_stands_on_the_studys_page_the_quality_page_and_the_preview():
    study = make_ruled_study(QUICK, slug="one")
    for number in range(10):
        judge_all_tasks(study, f"rater {number}", seconds=0.1)
    alice = signed_in()
    for path in ("/studies/one/", QUALITY, APPLY):
        assert "Rather the rule is wrong than most of the raters" in text(alice.get(path)), path
    assert "Alarm" in text(alice.get("/studies/one/", headers=HTMX))


def test_the_page_shows_rules_that_changed_at_once(study):
    alice = signed_in()
    assert "above 3" not in text(alice.get(QUALITY))
    declare_rules(study, [RUN], reason="seen")
    page = text(alice.get(QUALITY))
    assert "the longest run of one button: above 3" in page
    assert "amendment" in page


# Strangers and raters


def paths(study: Study) -> list[tuple[str, str]]:
    rater, rule = study.raters.all()[0], study.rules.get()
    return [
        ("get", QUALITY),
        ("get", APPLY),
        ("post", APPLY),
        ("get", f"/studies/one/raters/{rater.pk}/"),
        ("get", f"/studies/one/rules/{rule.pk}/retire/"),
        ("post", f"/studies/one/rules/{rule.pk}/retire/"),
    ]


def test_a_stranger_finds_nothing_and_changes_nothing(study):
    shown = preview_rules(study)
    body = {"upto": shown.newest, "rules": str(shown.rules[0]), "reason": "x"}
    for method, path in paths(study):
        assert getattr(signed_in("zoe"), method)(path, body).status_code == 404, path
        assert "/accounts/sign-in/" in getattr(Client(), method)(path, body)["Location"], path
    assert study.rules.in_force().exists()
    assert not study.exclusions.exists()


def test_a_raters_link_opens_none_of_it(study):
    client = Client()
    client.get(f"/r/{study.raters.all()[0].invite_token}/")
    for method, path in paths(study):
        assert "/accounts/sign-in/" in getattr(client, method)(path)["Location"], path


def test_a_rater_or_rule_of_another_study_is_not_found(study):
    other = make_ruled_study(QUICK, slug="other", owner=make_user("alice"))
    rater = make_rater(other)
    alice = signed_in()
    assert alice.get(f"/studies/one/raters/{rater.pk}/").status_code == 404
    path = f"/studies/one/rules/{other.rules.get().pk}/retire/"
    assert alice.post(path, {"reason": "x"}).status_code == 404
