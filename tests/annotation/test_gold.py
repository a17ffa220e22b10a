"""Gold and attention tasks: they look like any other, are marked on the server, and never count."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from annotation.assignments import next_turn
from annotation.audit import audit_blinding
from annotation.exceptions import StudyNotReady
from annotation.exchange import export_records
from annotation.gold import marks_of
from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.services import exclude, withdraw_system
from annotation.way import set_way
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row
from generation.models import Prompt, System
from ranking.comparisons import read_study
from ranking.rollups import fold, read_cells
from tests.annotation.people import HTMX, enter, judge_all, path_of, text_of, token_on
from tests.factories import make_output, make_rater, make_study, make_system, make_user

pytestmark = pytest.mark.django_db

EVERY = 3
#: Checks name a system outside the study, so that its own pairs all stay in it.
FEEDBACK = "The left one names the capital."


def gold_row(prompt: str = "p1", **kwargs: Any) -> Row:
    values = {"prompt_id": prompt, "system_a": "capital", "system_b": "weak", "expected": "a"}
    return Row(file="gold.jsonl", line=1, values={**values, "kind": "gold", **kwargs})


def make_draft(**kwargs: Any) -> Study:
    """A draft with two systems beside it, `capital` and `weak`, whose outputs are there."""
    kwargs.setdefault("prompts", 6)
    study = make_study(**kwargs)
    for slug in ("capital", "weak"):
        found = System.objects.filter(slug=slug).first()
        system = found or make_system(slug=slug, name=f"The {slug} one")
        for prompt in study.prompt_set.prompts.all():
            make_output(system=system, prompt=prompt)
    return study


def make_checked_study(*, golds: int = 4, every: int = EVERY, **kwargs: Any) -> Study:
    study = make_draft(**kwargs)
    rows = [gold_row(f"p{n + 1}", kind=("gold", "attention")[n % 2]) for n in range(golds)]
    import_gold(study, rows)
    set_way(study, check_every=every)
    return launch_study(study)


def checks_of(rater: Rater) -> Any:
    return rater.assignments.filter(purpose="check")


def test_checks_are_mixed_in_at_the_rate_and_told_in_the_count():
    study = make_checked_study()
    rater = make_rater(study)
    client = enter(rater)
    shown = re.compile(r"(\d+) of (\d+)</span>")
    seen = []
    while "Thank you" not in text_of(page := client.get(path_of(rater, "judge"))):
        seen.append(shown.search(text_of(page)).groups())
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "tie"})
    targets = rater.assignments.targets().judged().count()
    checks = checks_of(rater).judged().count()
    assert targets == 6
    assert checks in (2, 3)  # 6 targets: three blocks of two, the last check before or after
    # The bar moves by one each time and ends where it said, whatever was a check.
    assert seen == [(str(n), str(targets + checks)) for n in range(targets + checks)]


def test_no_task_of_the_target_is_used_up_by_checks():
    study = make_checked_study(judgments_per_task=1)
    rater = make_rater(study)
    judge_all(enter(rater), rater)
    assert study.slot_count == study.assignments.targets().judged().count() == 6
    assert not study.assignments.filter(state="open").exists()


def shape(page: Any) -> str:
    """Leave out of a page what differs between any two tasks."""
    text = re.sub(r'value="[^"]{36}"', "TOKEN", text_of(page))
    text = re.sub(r"csrfmiddlewaretoken[^>]+|x-csrftoken[^>]+", "CSRF", text)
    text = re.sub(r'<div class="text" dir="auto">.*?</div>', "TEXT", text, flags=re.DOTALL)
    return re.sub(r"\d+ of \d+|Task \d+|width=\"\d+\"", "COUNT", text)


def test_a_check_cannot_be_told_from_another_task():
    study = make_checked_study()
    rater = make_rater(study)
    client = enter(rater)
    shapes: dict[str, set[str]] = {"target": set(), "check": set()}
    headers: dict[str, set[str]] = {"target": set(), "check": set()}
    part = client.get(path_of(rater, "judge"), headers=HTMX)
    for number in range(8):
        slot = rater.assignments.get(state="claimed")
        if number:  # the first page has nothing to undo
            shapes[slot.purpose].add(shape(part))
        headers[slot.purpose].add(str(sorted(set(part.headers) - {"Content-Length"})))
        answer = {"token": slot.token, "choice": "tie"}
        part = client.post(path_of(rater, "judge"), answer, headers=HTMX)
    assert len(shapes["target"] | shapes["check"]) == 1
    assert shapes["check"]
    assert headers["target"] == headers["check"]


def test_answers_that_are_known_never_leave_the_server():
    study = make_draft()
    import_gold(study, [gold_row(feedback=FEEDBACK, kind="attention")])
    set_way(study, check_every=2)
    launch_study(study)
    rater = make_rater(study)
    client = enter(rater)
    pages = ""
    for _ in range(4):
        page = client.get(path_of(rater, "judge"))
        pages += text_of(page) + str(page.headers)
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "tie"})
    assert checks_of(rater).exists()
    for secret in (FEEDBACK, "attention", "gold", "The capital one", "expected"):
        assert secret not in pages
    assert not [finding for finding in audit_blinding(study) if finding.is_leak]


def test_a_check_costs_no_more_statements_than_another_task():
    study = make_checked_study(every=2)
    rater = make_rater(study)
    client = enter(rater)
    page = client.get(path_of(rater, "judge"))
    for _ in range(4):
        with CaptureQueriesContext(connection) as caught:
            answer = {"token": token_on(page), "choice": "left"}
            page = client.post(path_of(rater, "judge"), answer, headers=HTMX)
        assert len(caught) <= 12
    assert checks_of(rater).count() >= 2


def judged_study() -> tuple[Study, Rater]:
    study = make_checked_study()
    rater = make_rater(study)
    judge_all(enter(rater), rater, choice="left")
    assert checks_of(rater).judged().count() >= 2
    return study, rater


@pytest.mark.parametrize("is_folded", [False, True])
def test_judgments_on_checks_are_stored_and_never_counted(is_folded):
    study, rater = judged_study()
    checks = checks_of(rater).judged().count()
    assert study.judgments.count() == 6 + checks
    if is_folded:
        fold(study)
    cells = read_cells(study)
    assert (cells.total, cells.recorded) == (6, 6)
    assert len(cells.systems) == 2
    assert len(list(export_records(study))) == 6
    counted = Study.objects.with_progress().get(pk=study.pk)
    assert counted.judgment_count == 6
    assert study.raters.with_progress().get().judged == 6


def test_an_excluded_judgment_on_a_check_takes_nothing_from_the_result():
    study, rater = judged_study()
    gold = study.judgments.filter(task__is_gold=True).first()
    exclude(rater=rater, judgment=gold, rule="by hand", reason="a test")
    cells = read_study(study)
    assert (cells.everything.total, cells.included.total) == (6, 6)
    exclude(rater=rater, rule="by hand", reason="all")
    assert read_study(study).included.total == 0


def test_the_report_counts_no_check():
    study, _ = judged_study()
    out = StringIO()
    call_command("export_report", study.slug, format="json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["counts"]["judgments"] == 6
    assert len(report["standings"]) == 2


def test_the_researcher_sees_how_many_checks_each_rater_got_right():
    study, rater = judged_study()
    marks = marks_of([rater])[rater.pk]
    client = Client()
    client.force_login(make_user())
    page = text_of(client.get(f"/studies/{study.slug}/"))
    assert "Checks right" in page
    assert f"{marks.right} of {marks.asked}</td>" in page


@pytest.mark.parametrize(
    ("expected", "choice", "is_right"),
    [
        ("a", "a", True), ("a", "b", False), ("a|tie", "tie", True), ("a", "both_bad", False),
        ("left", "left", True), ("left", "right", False), ("both_bad", "both_bad", True),
    ],
)  # fmt: skip
def test_an_answer_is_marked_in_the_terms_of_the_task_or_of_the_screen(expected, choice, is_right):
    study = make_draft()
    import_gold(study, [gold_row(expected=expected, kind="attention")])
    set_way(study, check_every=2)
    rater = make_rater(launch_study(study))
    client = enter(rater)
    while not checks_of(rater).filter(state="claimed").exists():
        page = client.get(path_of(rater, "judge"))
        if not checks_of(rater).filter(state="claimed").exists():
            client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "tie"})
    slot = checks_of(rater).get()
    if choice in ("a", "b"):
        choice = "left" if slot.left == choice else "right"
    client.post(path_of(rater, "judge"), {"token": slot.token, "choice": choice})
    marks = marks_of([rater])[rater.pk]
    assert (marks.right, marks.asked, marks.attention_missed) == (is_right, 1, not is_right)
    assert marks.accuracy == float(is_right)


def test_sides_of_checks_are_drawn():
    study = make_checked_study(golds=6, every=2, prompts=12)
    for number in range(6):
        judge_all(enter(rater := make_rater(study, f"rater {number}")), rater)
    lefts = set(study.assignments.filter(purpose="check").values_list("left", flat=True))
    assert lefts == {"a", "b"}


def test_scores_are_marked_too():
    study = make_study(protocol="mos", prompts=3)
    row = Row(
        file="f", line=1,
        values={"prompt_id": "p1", "system": "system-1", "expected": ["4", "5"], "kind": "gold"},
    )  # fmt: skip
    import_gold(study, [row])
    set_way(study, check_every=2)
    rater = make_rater(launch_study(study))
    judge_all(enter(rater), rater, choice="4")
    assert marks_of([rater])[rater.pk].right == 1


def claim_a_check(study: Study) -> Assignment:
    """Let a fresh rater judge until a check is on their screen."""
    rater = make_rater(study, f"rater {study.raters.count()}")
    client = enter(rater)
    for _ in range(10):
        page = client.get(path_of(rater, "judge"))
        found: Assignment | None = checks_of(rater).filter(state="claimed").first()
        if found:
            return found
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "tie"})
    raise AssertionError("no check came")


def test_a_check_whose_time_ran_out_is_nobodys_next_task():
    study = make_checked_study()
    slot = claim_a_check(study)
    study.assignments.filter(pk=slot.pk).update(lease_until=now() - timedelta(seconds=1))
    turn = next_turn(slot.rater)
    following = Assignment.objects.get(pk=turn.assignment_pk)
    assert following.purpose == "check"  # still due, and another one
    assert following.task_id != slot.task_id
    slot.refresh_from_db()
    assert (slot.state, slot.rater_id) == ("skipped", following.rater_id)
    assert not study.assignments.filter(state="open", k=None).exists()


def test_a_skipped_check_is_followed_by_another_and_opens_no_slot():
    study = make_checked_study()
    slot = claim_a_check(study)
    before = study.assignments.filter(state="open").count()
    client = enter(slot.rater)
    client.post(path_of(slot.rater, "skip"), {"token": slot.token})
    client.get(path_of(slot.rater, "judge"))
    following = slot.rater.assignments.get(state="claimed")
    assert (following.purpose, following.task_id != slot.task_id) == ("check", True)
    assert study.assignments.filter(state="open").count() == before


def test_when_all_checks_are_met_the_rest_is_targets():
    study = make_checked_study(golds=1, every=2)
    rater = make_rater(study)
    assert judge_all(enter(rater), rater) == 7
    assert checks_of(rater).count() == 1


def test_a_corrected_answer_is_marked_as_corrected():
    study = make_checked_study()
    slot = claim_a_check(study)
    rater, client = slot.rater, enter(slot.rater)
    right, wrong = ("left", "right") if slot.left == "a" else ("right", "left")
    client.post(path_of(rater, "judge"), {"token": slot.token, "choice": wrong})
    assert marks_of([rater])[rater.pk].right == 0
    client.post(path_of(rater, "undo"))
    client.post(path_of(rater, "judge"), {"token": slot.token, "choice": right})
    marks = marks_of([rater])[rater.pk]
    assert (marks.right, marks.asked) == (1, 1)


def test_checks_of_a_withdrawn_system_are_asked_no_more():
    study = make_checked_study(systems=3)
    own = study.systems.first()
    study.golds.filter(task__is_gold=True).update(is_withdrawn=False)
    gold = study.golds.first()
    gold.task.system_a = own
    gold.task.save()
    withdraw_system(study, system=own, reason="broken")
    gold.refresh_from_db()
    assert gold.is_withdrawn
    assert study.golds.in_use().count() == 3


def test_a_slot_is_numbered_exactly_if_it_counts():
    study = make_checked_study()
    slot = claim_a_check(study)
    for change in ({"k": 0}, {"purpose": "target"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Assignment.objects.filter(pk=slot.pk).update(**change)


def test_a_pair_of_the_study_that_is_gold_leaves_its_result():
    study = make_study(prompts=3)
    import_gold(study, [gold_row("p2", system_a="system-1", system_b="system-2")])
    set_way(study, check_every=2)
    launch_study(study)
    assert (study.task_count, study.tasks.filter(is_gold=True).count()) == (2, 1)
    rater = make_rater(study)
    judge_all(enter(rater), rater)
    assert {row["prompt_id"] for row in export_records(study)} == {"p1", "p3"}


def test_the_order_of_a_row_does_not_matter():
    study = make_study()
    import_gold(study, [gold_row(system_a="system-2", system_b="system-1", expected="a|tie")])
    gold = study.golds.get()
    assert gold.task.system_a.slug == "system-1"
    assert gold.expected == ["b", "tie"]


def test_the_plan_holds_a_hash_of_the_answers_and_not_the_answers():
    study = make_checked_study()
    frozen = study.plan["raters"]
    assert frozen["known_answers"] == {"gold": 2, "attention": 2}
    assert len(frozen["known_answers_hash"]) == 64
    assert "expected" not in json.dumps(study.plan)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt_id": "p99"}, "unknown prompt_id"),
        ({"system_a": "nobody"}, "unknown system 'nobody'"),
        ({"system_b": ""}, "system_b is empty"),
        ({"system_b": "capital"}, "system_a and system_b are one system"),
        ({"expected": "5"}, "expected is '5'"),
        ({"expected": ""}, "expected is empty"),
        ({"expected": "a|b|tie|both_bad|left|right"}, "says nothing"),
        ({"expected": []}, "says nothing"),
        ({"kind": "trap"}, "kind is 'trap'"),
        ({"prompt_id": "p1"}, "that task is there already"),
        ({"system_a": "empty"}, "has no finished output"),
    ],
)
def test_one_bad_row_refuses_the_whole_file(change, words):
    study = make_draft()
    make_system(slug="empty", name="Empty")
    rows = [gold_row("p1"), gold_row("p2", **change)]
    with pytest.raises(InputRefused, match=re.escape(words)):
        import_gold(study, rows)
    assert not study.golds.exists()
    assert not study.tasks.exists()


def test_the_command_imports_a_file_and_refuses_a_launched_study(tmp_path):
    study = make_draft()
    file = tmp_path / "gold.csv"
    file.write_text(
        "prompt_id,system_a,system_b,expected,kind,feedback\n"
        "p1,capital,weak,a,gold,Because.\np2,weak,capital,b|tie,attention,\n"
    )
    out, error = StringIO(), StringIO()
    call_command("import_gold", file, study=study.slug, stdout=out)
    assert out.getvalue() == "2 tasks with a known answer\n"
    set_way(study, check_every=5)
    launch_study(study)
    with pytest.raises(SystemExit) as ended:
        call_command("import_gold", file, study=study.slug, stderr=error)
    assert ended.value.code == 2
    assert "launched already" in error.getvalue()
    assert study.golds.count() == 2


def test_a_rate_without_checks_and_checks_without_a_rate_are_no_launch():
    study = make_draft()
    set_way(study, check_every=5)
    with pytest.raises(StudyNotReady, match="there is no gold task"):
        launch_study(study)
    import_gold(study, [gold_row()])
    set_way(study, check_every=0)
    with pytest.raises(StudyNotReady, match="no rate at which to mix them in"):
        launch_study(study)


TOML = """
name = "Short or long"
protocol = "pairwise"
prompt_set = "prompts-1"
systems = ["system-1", "system-2"]

[raters]
check_every = 4

[[gold]]
prompt_id = "p1"
system_a = "system-1"
system_b = "system-2"
expected = ["a", "tie"]
kind = "attention"
"""


def test_a_study_in_toml_brings_its_gold(tmp_path):
    make_study(prompts=4)
    file = tmp_path / "study.toml"
    file.write_text(TOML)
    call_command("create_study", file, launch=True, owner="alice", stdout=StringIO())
    study = Study.objects.get(slug="short-or-long")
    assert study.way.check_every == 4
    assert (study.way.check_count, study.task_count) == (1, 3)
    assert study.golds.get().expected == ["a", "tie"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("check_every = 4", "check_every = 1", "raters.check_every is 1"),
        ("check_every = 4", "check_every = true", "raters.check_every is True"),
        ("check_every = 4", "checks = 4", "unknown key raters.checks"),
        ("[raters]\ncheck_every = 4", "raters = 3", "raters is no table"),
        ('kind = "attention"', 'kind = "attention"\nanswer = 3', "unknown key gold.answer"),
        ('kind = "attention"', 'kind = "other"', "kind is 'other'"),
        ('kind = "attention"', "", "kind is empty"),
        ("[[gold]]", "[gold]", "gold is no list of tables"),
    ],
)
def test_bad_toml_is_one_line_and_no_study(tmp_path, old, new, words):
    make_study(prompts=4)
    file = tmp_path / "study.toml"
    assert old in TOML
    file.write_text(TOML.replace(old, new))
    error = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("create_study", file, owner="alice", stderr=error)
    assert ended.value.code == 2
    assert words in error.getvalue()
    assert error.getvalue().startswith("study.toml: ")
    assert not Study.objects.filter(slug="short-or-long").exists()
    assert Prompt.objects.count() == 4
    assert System.objects.count() == 2
    assert not Judgment.objects.exists()
