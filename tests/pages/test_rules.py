"""The researcher adds rules on a page, as a file would, and takes them back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from annotation.launch import launch_study
from annotation.models import Study
from annotation.quality.applying import apply_rules
from annotation.quality.declaring import declare_rules, drop_rule
from annotation.quality.measures import MEASURES
from annotation.quality.reading import offers
from annotation.quality.rule_sets import p808
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_rater, make_study, make_user
from tests.pages.people import errors, said, signed_in
from tests.protocols.rating import KINDS, launched
from tests.quality.studies import QUICK, RUN, judge_all_tasks, make_ruled_study

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
ADD = "/studies/one/rules/add/"
QUALITY = "/studies/one/quality/"
RULE = {
    "measure": "quick",
    "threshold": "0.5",
    "least": "4",
    "beyond_doubt": "on",
    "name": "in a hurry",
    "reason": "seen in the log",
}


@pytest.fixture
def study() -> Study:
    study = make_ruled_study(QUICK, slug="one")
    judge_all_tasks(study, "bob")
    judge_all_tasks(study, "charlie", seconds=0.2)
    return study


def text(page) -> str:
    return str(page.content.decode())


def set_of(name: str, **more: str) -> dict[str, str]:
    return {name: "", f"{name}-set": name, f"{name}-reason": "agreed", **more}


# A rule of one's own


def test_a_rule_is_added_as_a_file_would(study):
    page = signed_in().post(ADD, RULE, follow=True)
    assert page.redirect_chain[-1][0] == QUALITY
    assert "1 rule added" in text(page)
    assert "in a hurry" in text(page)
    rule = study.rules.get(name="in a hurry")
    assert (rule.measure, rule.threshold, rule.least, rule.per) == ("quick", 0.5, 4, 0)
    assert (rule.beyond_doubt, rule.is_amendment) == (True, True)
    event = study.events.get(what="rule added")
    assert (event.by.username, event.detail["reason"]) == ("alice", "seen in the log")
    assert not study.exclusions.exists()


def test_a_launched_study_asks_for_a_reason_and_a_draft_does_not(study):
    assert errors(signed_in().post(ADD, RULE | {"reason": ""})) == {
        "reason": ["This field is required."]
    }
    draft = make_study(slug="draft")
    page = signed_in().post("/studies/draft/rules/add/", RULE, follow=True)
    assert page.redirect_chain[-1][0] == "/studies/draft/"
    assert "in a hurry" in text(page)
    assert not draft.rules.get().is_amendment
    assert launch_study(draft).plan["rules"][0]["name"] == "in a hurry"


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"threshold": "1.5"}, "__all__", "expected a number, 0 to 1, with quick"),
        ({"threshold": "-0.1"}, "__all__", "expected a number, 0 to 1, with quick"),
        ({"threshold": "nan"}, "threshold", "Enter a number"),
        ({"threshold": "half"}, "threshold", "Enter a number"),
        ({"threshold": ""}, "threshold", "required"),
        ({"measure": "password"}, "measure", "not one of the available choices"),
        ({"measure": "variance"}, "measure", "not one of the available choices"),
        ({"least": "0"}, "least", "greater than or equal to 1"),
        ({"per": "1"}, "per", "greater than or equal to 2"),
        ({"measure": "haste", "per": "12"}, "__all__", "expected no per"),
        ({"name": " "}, "name", "required"),
        ({"name": "by hand"}, "__all__", "not 'by hand'"),
        ({"name": "x" * 61}, "name", "at most 60"),
        ({"name": "nul\x00"}, "name", "Null characters"),
        ({"name": "too quick"}, "__all__", "the study has had a rule 'too quick'"),
    ],
)
def test_bad_input_is_told_in_a_line_and_changes_nothing(study, wrong, field, words):
    page = signed_in().post(ADD, RULE | wrong)
    assert page.status_code == 200
    ((found, (message,)),) = errors(page).items()
    assert found == field
    assert words in message
    assert study.rules.count() == 1


def test_only_what_the_protocol_can_measure_is_offered(study):
    form = signed_in().get(ADD).context["form"]
    offered = {name for name, _ in form.fields["measure"].choices}
    assert offered == {m.name for m in MEASURES.values() if m.needs in offers(study)}
    assert "variance" not in offered
    assert "side" in offered


def test_htmx_is_told_what_the_rule_would_do_and_nothing_is_added(study):
    alice = signed_in()
    answer = text(alice.post(ADD, RULE | {"name": "", "reason": ""}, headers=HTMX))
    assert "<html" not in answer
    assert "above 50% beyond doubt; from 4 judgments on" in answer
    assert "hit 1 of 2 raters now, of 1 rater." in answer
    assert "once it has a limit" in text(alice.post(ADD, {"measure": "quick"}, headers=HTMX))
    assert study.rules.count() == 1


def test_a_draft_tells_what_the_rule_says():
    make_study(slug="one")
    answer = text(signed_in().post(ADD, RULE, headers=HTMX))
    assert "above 50% beyond doubt" in answer
    assert "nothing yet that it could be asked about" in answer


# Ready-made sets


def test_a_ready_made_set_is_added_whole():
    study = launch_study(make_study(slug="one", protocol="mos"))
    alice = signed_in()
    assert "the variance of scores: below 0.1" in text(alice.get(ADD))
    page = alice.post(ADD, set_of("p808"), follow=True)
    assert "4 rules added" in text(page)
    assert [rule.spec for rule in study.rules.order_by("pk")] == p808(offers(study))
    again = alice.get(ADD)
    assert "has these rules, or has had them" in text(again)
    assert errors_of_set(alice.post(ADD, set_of("p808")), "p808") == [
        "the study has had a rule 'p808: trap'; expected a new name for a new rule"
    ]


def errors_of_set(page, name: str) -> list[str]:
    (row,) = [row for row in page.context["sets"] if row["name"] == name]
    return [str(message) for message in row["form"].non_field_errors()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_protocol_is_offered_its_sets(kind):
    study = launched(kind, slug="one")
    alice = signed_in()
    names = [row["name"] for row in alice.get(ADD).context["sets"]]
    assert "basic" in names
    for name in names:
        assert alice.post(ADD, set_of(name)).status_code == 302, name
    assert study.rules.count() >= 4


def test_a_set_that_the_protocol_cannot_have_is_not_added(study):
    page = signed_in().post(ADD, set_of("p808"))
    assert page.status_code == 200
    assert study.rules.count() == 1


def test_the_mid_anchor_is_asked_for_where_the_study_makes_none():
    study = launched("mushra", slug="one")
    alice = signed_in()
    page = text(alice.get(ADD))
    slug = study.systems.first().slug
    is_asked = 'name="mushra-anchor"' in page
    assert is_asked == ('name="system"' in page)
    assert is_asked
    alice.post(ADD, set_of("mushra", **{"mushra-anchor": slug}))
    assert study.rules.get(measure="anchor_high").system == slug
    second = alice.post(ADD, RULE | {"measure": "anchor_high", "threshold": "0.2", "system": slug})
    assert second.status_code == 302
    other = RULE | {"measure": "anchor_high", "threshold": "0.2", "name": "other"}
    (message,) = errors(alice.post(ADD, other))["__all__"]
    assert "rules.system is ''" in message


# What rules did, and taking them back


def test_the_list_says_what_each_rule_has_left_out_and_what_was_lifted(study):
    apply_rules(study)
    alice = signed_in()
    (row,) = alice.get(QUALITY).context["rules"]
    assert (row["excluded"], row["lifted"]) == (1, 0)
    alice.post(f"/studies/one/rules/{study.rules.get().pk}/retire/", {"reason": "wrong clock"})
    page = alice.get(QUALITY)
    (row,) = page.context["rules"]
    assert (row["excluded"], row["lifted"]) == (0, 1)
    assert "retired" in text(page)
    assert "1 lifted" in text(page)
    assert "/retire/" not in text(page)
    assert not study.exclusions.in_force().exists()


def test_rules_of_a_draft_are_taken_back_as_if_never_declared():
    draft = make_study(slug="one")
    declare_rules(draft, [QUICK, RUN])
    alice = signed_in()
    assert "Take back too quick" in text(alice.get("/studies/one/"))
    rule = draft.rules.get(name="too quick")
    alice.post(f"/studies/one/rules/{rule.pk}/drop/")
    assert [r["name"] for r in launch_study(draft).plan["rules"]] == ["one button"]


def test_a_rule_of_a_launched_study_cannot_be_dropped(study):
    rule = study.rules.get()
    with pytest.raises(InputRefused, match="the study is launched"):
        drop_rule(rule)
    page = signed_in().post(f"/studies/one/rules/{rule.pk}/drop/")
    assert "the study is launched" in said(page)
    assert study.rules.exists()


def test_a_page_that_was_opened_before_the_launch_adds_an_amendment_or_nothing():
    draft = make_study(slug="one")
    launch_study(Study.objects.get(pk=draft.pk))
    with pytest.raises(InputRefused, match="no reason is given"):
        declare_rules(draft, [QUICK])
    declare_rules(draft, [QUICK], reason="seen")
    assert draft.rules.get().is_amendment


def test_hostile_names_are_shown_as_text(study):
    alice = signed_in()
    alice.post(ADD, RULE | {"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in text(alice.get(QUALITY))


# What it costs, and who may


def test_the_pages_cost_the_same_with_many_rules(study, django_assert_max_num_queries):
    declare_rules(study, [RUN], reason="seen")
    for name in (f"rater {n}" for n in range(8)):
        judge_all_tasks(study, name, seconds=0.1)
    apply_rules(study)
    alice = signed_in()
    with django_assert_max_num_queries(6):
        alice.get(ADD)
    with django_assert_max_num_queries(12):
        alice.post(ADD, RULE, headers=HTMX)
    with django_assert_max_num_queries(15):
        alice.get(QUALITY)


def requests(study: Study) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        ("get", ADD, {}),
        ("post", ADD, RULE),
        ("post", ADD, set_of("basic")),
        ("post", f"/studies/one/rules/{study.rules.get().pk}/drop/", {}),
    ]


def test_a_stranger_finds_nothing_and_changes_nothing(study):
    Study.objects.filter(pk=study.pk).update(state="draft")
    for method, path, body in requests(study):
        assert getattr(signed_in("zoe"), method)(path, body).status_code == 404, path
        assert "/accounts/sign-in/" in getattr(Client(), method)(path, body)["Location"], path
    assert [rule.name for rule in study.rules.all()] == ["too quick"]


def test_a_raters_link_opens_none_of_it(study):
    client = Client()
    client.get(f"/r/{study.raters.all()[0].invite_token}/")
    for method, path, body in requests(study):
        assert "/accounts/sign-in/" in getattr(client, method)(path, body)["Location"], path


def test_a_rule_of_another_study_is_not_found(study):
    other = make_study(slug="other", owner=make_user("alice"))
    make_rater(other)
    declare_rules(other, [QUICK])
    path = f"/studies/one/rules/{other.rules.get().pk}/drop/"
    assert signed_in().post(path).status_code == 404
    assert other.rules.exists()


@pytest.mark.parametrize("path", [ADD, "/studies/one/rules/1/drop/"])
def test_pages_take_no_other_methods(study, path):
    assert signed_in().put(path).status_code == 405
