"""Rules at work: shown first, applied once, lifted for good, amended in the log, never silent."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from annotation.exceptions import RulesChanged
from annotation.launch import launch_study
from annotation.models import Exclusion, Judgment, Study
from annotation.quality.applying import apply_rules, preview_rules
from annotation.quality.assessment import alarms_of
from annotation.quality.declaring import declare_rules, retire_rule
from annotation.services import exclude, lift_exclusion
from evalsite.lib.exceptions import InputRefused
from ranking.reports.build import build_report
from ranking.reports.options import Options
from tests.factories import make_judgment, make_prompt_set, make_rater, make_study, make_user
from tests.quality.studies import HASTE, QUICK, RUN, judge_all_tasks, make_ruled_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """bob takes his time; charlie does not."""
    study = make_ruled_study(QUICK)
    judge_all_tasks(study, "bob")
    judge_all_tasks(study, "charlie", seconds=0.2)
    return study


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except SystemExit as error:
        return int(str(error.code)), out.getvalue()
    return 0, out.getvalue()


# Applying


def test_a_preview_says_who_and_why_and_does_nothing(study):
    found = preview_rules(study)
    (row,) = found.new
    assert row.rater == study.raters.get(name="charlie").pk
    assert "100%" in row.reason
    assert not Exclusion.objects.exists()


def test_a_hit_becomes_an_exclusion_with_its_rule_and_reason(study):
    apply_rules(study, by=study.owner)
    (row,) = study.exclusions.all()
    assert (row.rater.name, row.rule, row.by_rule, row.judgment) == (
        "charlie", "too quick", True, None,
    )  # fmt: skip
    assert row.by == study.owner
    assert "from 6 judgments" in row.reason
    assert set(study.judgments.included()) == set(study.judgments.filter(rater__name="bob"))
    assert Judgment.objects.count() == 12
    assert study.events.last().detail == {"excluded": {"too quick": 1}}


def test_applying_twice_excludes_once(study):
    apply_rules(study)
    again = apply_rules(study)
    assert (again.new, again.standing, study.exclusions.count()) == ([], 1, 1)
    assert study.events.filter(what="rules applied").count() == 1


def test_what_a_person_lifted_stays_lifted(study):
    apply_rules(study)
    lift_exclusion(study.exclusions.get(), by=study.owner)
    again = apply_rules(study)
    assert (again.new, again.standing, again.lifted) == ([], 0, 1)
    assert study.judgments.included().count() == 12


def test_the_database_refuses_a_second_exclusion_by_one_rule(study):
    apply_rules(study)
    row = study.exclusions.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Exclusion.objects.create(
            study=study, rater=row.rater, rule=row.rule, by_rule=True, reason="again"
        )
    judgment = study.judgments.first()
    again = {"study": study, "rater": judgment.rater, "judgment": judgment, "rule": "x"}
    Exclusion.objects.create(**again, by_rule=True, reason="once")
    with pytest.raises(IntegrityError), transaction.atomic():
        Exclusion.objects.create(**again, by_rule=True, reason="twice")


def test_an_exclusion_by_hand_of_the_same_name_is_another_matter(study):
    charlie = study.raters.get(name="charlie")
    lift_exclusion(exclude(rater=charlie, rule="too quick", reason="looks so"))
    apply_rules(study)
    assert study.exclusions.filter(lifted_at=None, by_rule=True).count() == 1


def test_a_rule_of_judgments_excludes_these_alone():
    study = make_ruled_study(HASTE)
    judgments = judge_all_tasks(study, "bob")
    slip = make_judgment(judgments[0].task, make_rater(study, "charlie"), seconds=0.1)
    apply_rules(study)
    (row,) = study.exclusions.all()
    assert (row.judgment, row.rater) == (slip, slip.rater)


def test_exactly_what_was_shown_is_done(study):
    shown = preview_rules(study)
    judge_all_tasks(study, "dora", seconds=0.1)
    apply_rules(study, upto=shown.newest, rules=shown.rules)
    assert [row.rater.name for row in study.exclusions.all()] == ["charlie"]


def test_nothing_is_done_when_the_rules_are_not_those_that_were_shown(study):
    shown = preview_rules(study)
    declare_rules(study, [RUN], reason="clicking seen")
    with pytest.raises(RulesChanged):
        apply_rules(study, upto=shown.newest, rules=shown.rules)
    assert not study.exclusions.exists()


def test_what_another_process_excluded_meanwhile_is_not_excluded_twice(study, monkeypatch):
    shown = preview_rules(study)
    apply_rules(study)
    monkeypatch.setattr("annotation.quality.applying.preview_rules", lambda *_, **__: shown)
    apply_rules(study)
    assert study.exclusions.count() == 1


def test_a_rule_that_is_retired_meanwhile_excludes_nothing(study, monkeypatch):
    shown = preview_rules(study)
    retire_rule(study.rules.get(), reason="the clock was wrong")
    monkeypatch.setattr("annotation.quality.applying.preview_rules", lambda *_, **__: shown)
    with pytest.raises(RulesChanged):
        apply_rules(study)
    assert not study.exclusions.exists()


def test_the_report_counts_what_rules_left_out_and_says_why(study):
    apply_rules(study)
    report = build_report(study, Options())
    assert report["counts"]["excluded"] == 6
    assert [row["rule"] for row in report["exclusions"]] == ["too quick"]
    (left_out,) = [row for row in report["funnel"] if row["is_left_out"]]
    assert (left_out["step"], left_out["raters"]) == ("left out: too quick", 1)


def test_the_queries_do_not_grow_with_what_is_excluded():
    counts = []
    for raters in (1, 8):
        study = make_ruled_study(QUICK, HASTE)
        for number in range(raters):
            judge_all_tasks(study, f"rater {number}", seconds=0.1)
        with CaptureQueriesContext(connection) as captured:
            done = apply_rules(study)
        assert len(done.new) == raters * 7
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 20


# Declaring and amending


def test_rules_of_a_draft_are_in_the_frozen_plan():
    study = make_ruled_study(QUICK, RUN)
    assert [rule["name"] for rule in study.plan["rules"]] == ["too quick", "one button"]
    assert study.plan["rules"][0]["threshold"] == 0.5
    other = make_ruled_study(QUICK)
    assert other.plan_hash != study.plan_hash


def test_a_rule_after_the_launch_is_an_amendment_with_a_reason(study):
    with pytest.raises(InputRefused, match="no reason"):
        declare_rules(study, [RUN])
    declare_rules(study, [RUN], by=study.owner, reason="a rater clicks one button")
    rule = study.rules.get(name="one button")
    assert rule.is_amendment
    event = study.events.last()
    assert (event.what, event.by, event.detail["reason"]) == (
        "rule added", study.owner, "a rater clicks one button",
    )  # fmt: skip
    assert event.detail["rule"]["threshold"] == 3
    assert [rule["name"] for rule in study.plan["rules"]] == ["too quick"]


def test_a_retired_rule_gives_back_what_it_excluded_and_does_no_more(study):
    apply_rules(study)
    rule = study.rules.get()
    assert retire_rule(rule, reason="the clock was wrong", by=study.owner) == 1
    assert study.judgments.included().count() == 12
    assert apply_rules(study).new == []
    event = study.events.last()
    assert event.detail == {
        "rule": "too quick", "reason": "the clock was wrong", "exclusions_lifted": 1,
    }  # fmt: skip
    with pytest.raises(InputRefused, match="retired already"):
        retire_rule(rule, reason="again")


def test_retiring_leaves_alone_what_people_excluded(study):
    exclude(rater=study.raters.get(name="bob"), rule="too quick", reason="by eye")
    apply_rules(study)
    retire_rule(study.rules.get(), reason="the clock was wrong")
    assert study.exclusions.get(lifted_at=None).rater.name == "bob"


def test_a_name_is_used_once_so_that_a_changed_rule_is_another(study):
    retire_rule(study.rules.get(), reason="too strict")
    with pytest.raises(InputRefused, match="has had a rule 'too quick'"):
        declare_rules(study, [QUICK], reason="less strict")


# Alarms


def test_a_rule_that_hits_everybody_is_an_alarm_and_one_that_does_not_is_none():
    study = make_ruled_study(QUICK)
    for number in range(10):
        judge_all_tasks(study, f"rater {number}", seconds=0.1)
    (alarm,) = alarms_of(study)
    assert "“too quick” hits 10 of 10 raters" in alarm
    assert preview_rules(study).alarms == [alarm]
    fine = make_ruled_study(QUICK)
    for number in range(10):
        judge_all_tasks(fine, f"rater {number}")
    assert alarms_of(fine) == []


def test_without_rules_no_judgment_is_read_for_alarms():
    study = launch_study(make_study())
    with CaptureQueriesContext(connection) as captured:
        assert alarms_of(study) == []
    assert len(captured) == 1


# Commands


def test_the_command_says_what_it_did_and_a_dry_run_does_nothing(study):
    status, out = run("apply_rules", study.slug, "--dry-run")
    assert status == 0
    assert "too quick: charlie: answers quicker" in out
    assert "would be excluded: 1 raters, 0 single judgments" in out
    assert not study.exclusions.exists()
    assert "excluded: 1 raters" in run("apply_rules", study.slug)[1]
    assert study.exclusions.count() == 1
    assert "excluded before: 1" in run("apply_rules", study.slug)[1]


def test_the_command_shows_alarms():
    study = make_ruled_study(QUICK)
    for number in range(10):
        judge_all_tasks(study, f"rater {number}", seconds=0.1)
    assert "ALARM: The rule “too quick”" in run("apply_rules", study.slug, "--dry-run")[1]


def test_rules_are_amended_from_a_file(study, tmp_path):
    file = tmp_path / "more.toml"
    file.write_text('[[rules]]\nname = "one button"\nmeasure = "run"\nthreshold = 20\nleast = 30\n')
    status, out = run(
        "amend_rules", study.slug, "--add", str(file), "--retire", "too quick", "--reason", "pilot"
    )
    assert (status, study.rules.in_force().get().name) == (0, "one button")
    assert "retired too quick" in out
    assert "added one button: the longest run of one button: above 20; from 30 judgments on" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules = 3", "no list of tables"),
        ("[[rules]]\nname = 'x'\nmeasure = 'gold'", "rules.threshold is missing"),
        ("[[rules]]\nname = 'x'\nmeasure = 'charm'\nthreshold = 1", "rules.measure is 'charm'"),
        ("[[rules]]\nname = 'x'\nmeasure = 'gold'\nthreshold = nan", "rules.threshold is nan"),
        ("[[rules]]\nname = 'x'\nmeasure = 'gold'\nthreshold = true", "rules.threshold is True"),
        ("[[rules]]\nname = 'x'\nmeasure = 'gold'\nthreshold = 1\nleast = 0", "rules.least is 0"),
        ("[[rules]]\nname = 'x'\nmeasure = 'gold'\nthreshold = 1\nper = 1", "rules.per is 1"),
        ("[[rules]]\nname = 'x'\nmeasure = 'haste'\nthreshold = 1\nper = 9", "single judgments"),
        ("[[rules]]\nname = ''\nmeasure = 'gold'\nthreshold = 1", "rules.name is ''"),
        ("[[rules]]\nname = 'by hand'\nmeasure = 'gold'\nthreshold = 1", "not 'by hand'"),
        ("[[rules]]\nname = 'x'\nmeasure = 'gold'\nthreshold = 1\nabove = 1", "rules.above"),
        ("[[rules]]\nname = 'too quick'\nmeasure = 'gold'\nthreshold = 1", "has had a rule"),
        ("[[rules]]\nname = 'x'\nmeasure = 'variance'\nthreshold = 1", "needs scores"),
        ("[[rules]]\nset = 'p808'", "needs scores, which a study of protocol pairwise has not"),
        ("[[rules]]\nset = 'mushra'", "needs a hidden reference"),
        ("[[rules]]\nset = 'magic'", "unknown set of rules 'magic'"),
        ("[[rules]]\nset = 'basic'\nleast = 3", "set stands with other keys"),
        ("[[rules]]\nset = 'basic'\n[[rules]]\nset = 'basic'", "two rules have one name"),
        ("name = 'x'", "something else than rules"),
        ("[[rules", "not TOML"),
    ],
)
def test_bad_rules_are_refused_in_one_line_and_nothing_changes(study, tmp_path, text, said):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    status, out = run(
        "amend_rules", study.slug, "--retire", "too quick", "--add", str(file), "--reason", "x"
    )
    (line,) = out.strip().splitlines()
    assert (status, said in line) == (2, True), out
    assert study.rules.in_force().get().name == "too quick"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--reason", "x"], "nothing is to change"),
        (["--reason", "x", "--retire", "nothing"], "unknown rule 'nothing'"),
        (["--reason", " ", "--retire", "too quick"], "no reason"),
        (["--reason", "x", "--add", "nowhere.toml"], "cannot be read"),
    ],
)
def test_bad_arguments_are_refused(study, arguments, said):
    status, out = run("amend_rules", study.slug, *arguments)
    assert (status, said in out) == (2, True), out
    assert study.rules.in_force().count() == 1


def test_an_unknown_study_is_refused():
    assert run("apply_rules", "nothing") == (
        2, "unknown study 'nothing'; expected the slug of a study\n",
    )  # fmt: skip


def study_file(tmp_path, rules: str, protocol: str = "pairwise") -> str:
    make_user("alice", is_superuser=True)
    study = make_study(prompt_set=make_prompt_set(prompts=2))
    systems = ", ".join(f'"{system.slug}"' for system in study.systems.all())
    file = tmp_path / "study.toml"
    file.write_text(
        f'name = "New"\nprotocol = "{protocol}"\nprompt_set = "{study.prompt_set.slug}"\n'
        f"systems = [{systems}]\n{rules}"
    )
    return str(file)


def test_a_studys_file_declares_rules_and_sets(tmp_path):
    rules = '[[rules]]\nset = "p808"\n[[rules]]\nname = "pace"\nmeasure = "pace"\nthreshold = 30'
    status, out = run("create_study", study_file(tmp_path, rules, "mos"), "--launch")
    assert status == 0, out
    study = Study.objects.get(name="New")
    assert [rule["name"] for rule in study.plan["rules"]] == [
        "p808: trap", "p808: gold", "p808: variance", "p808: outlier", "pace",
    ]  # fmt: skip
    assert not study.rules.filter(is_amendment=True).exists()


def test_a_set_that_does_not_fit_the_protocol_refuses_the_study(tmp_path):
    status, out = run("create_study", study_file(tmp_path, '[[rules]]\nset = "p808"'))
    assert status == 2
    assert out == (
        "study.toml: the set of rules 'p808' needs scores, which a study of protocol pairwise has "
        "not; expected rules that fit the protocol\n"
    )
    assert not Study.objects.filter(name="New").exists()
