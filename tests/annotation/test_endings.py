"""The survey, the end page and the payments: all is saved before anything is promised."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.audit import audit_blinding
from annotation.endings import check_return_url, set_codes
from annotation.gold import Marks
from annotation.gold_files import import_gold
from annotation.joining import join, open_link
from annotation.launch import launch_study
from annotation.models import Rater, Study, SurveyAnswers, Way
from annotation.payments import base_pay, bonus_pay, payment_records
from annotation.platforms import Ids
from annotation.way import set_way
from annotation.way_files import take_way
from evalsite.lib.exceptions import InputRefused
from tests.annotation.people import enter, judge_all, path_of, text_of, where
from tests.annotation.test_gold import gold_row, make_draft
from tests.factories import make_rater, make_study, make_user

pytestmark = pytest.mark.django_db

SURVEY: list[dict[str, Any]] = [
    {"key": "words", "kind": "text", "question": "What was hard?", "required": False},
    {"key": "age", "kind": "choice", "question": "How old are you?", "choices": ["<30", "30+"]},
    {"key": "ease", "kind": "scale", "question": "How easy was it?", "high": 7,
     "low_words": "hard", "high_words": "easy"},
]  # fmt: skip
ANSWERS = {"words": "كل شيء", "age": "30+", "ease": "6"}
CODES = {"code_complete": "DONE1", "code_screened_out": "OUT1", "code_failed": "FAIL1"}


def make_ending_study(**settings: Any) -> Study:
    study = make_study()
    set_way(study, **settings)
    return launch_study(study)


def fresh(rater: Rater) -> Rater:
    return Rater.objects.select_related("study__stored_way").get(pk=rater.pk)


def to_the_end(study: Study, **kwargs: Any) -> tuple[Client, Rater]:
    rater = make_rater(study)
    client = enter(rater)
    judge_all(client, rater, **kwargs)
    return client, rater


def test_the_survey_comes_after_the_judging_and_before_the_end():
    client, rater = to_the_end(make_ending_study(survey=SURVEY, code_complete="DONE1"))
    assert where(client, rater) == "survey"
    assert client.get(path_of(rater, "judge"))["Location"] == path_of(rater, "survey")
    assert client.get(path_of(rater, "done"))["Location"] == path_of(rater, "survey")
    page = text_of(client.get(path_of(rater, "survey")))
    for words in ("What was hard?", "30+", "7: easy", "1: hard"):
        assert words in page
    assert "DONE1" not in page
    assert client.post(path_of(rater, "survey"), ANSWERS)["Location"] == path_of(rater, "done")
    assert SurveyAnswers.objects.get(rater=rater).answers == ANSWERS
    assert "DONE1" in text_of(client.get(path_of(rater, "done")))


@pytest.mark.parametrize(
    "bad",
    [{"age": "7"}, {"ease": "8"}, {"ease": "x"}, {"age": ""}, {"ease": ""}, {"words": "x" * 3000}],
)
def test_an_answer_that_was_not_offered_is_asked_again(bad):
    client, rater = to_the_end(make_ending_study(survey=SURVEY))
    page = client.post(path_of(rater, "survey"), {**ANSWERS, **bad})
    assert "errorlist" in text_of(page)
    assert not SurveyAnswers.objects.exists()
    assert where(client, rater) == "survey"


def test_the_survey_sent_twice_is_stored_once_and_survives_an_undo():
    client, rater = to_the_end(make_ending_study(survey=SURVEY))
    for _ in range(2):
        client.post(path_of(rater, "survey"), ANSWERS)
    assert SurveyAnswers.objects.count() == 1
    client.post(path_of(rater, "undo"))
    client.post(path_of(rater, "keep"))
    client.get(path_of(rater, "judge"))
    assert where(client, rater) == "done"


def test_the_survey_is_not_open_before_the_judging_is_done():
    rater = make_rater(make_ending_study(survey=SURVEY))
    assert enter(rater).post(path_of(rater, "survey"), ANSWERS).status_code == 409
    assert Client().post(path_of(rater, "survey"), ANSWERS).status_code == 403
    assert not SurveyAnswers.objects.exists()


def test_the_code_is_that_of_the_outcome():
    study = make_ending_study(**CODES)
    client, rater = to_the_end(study)
    shown = text_of(client.get(path_of(rater, "done")))
    assert "DONE1" in shown
    assert "OUT1" not in shown
    assert "FAIL1" not in shown
    for outcome, code in (("screened_out", "OUT1"), ("failed", "FAIL1")):
        Rater.objects.filter(pk=rater.pk).update(outcome=outcome)
        shown = text_of(client.get(path_of(rater, "done")))
        assert code in shown
        assert "DONE1" not in shown
        assert "Undo last" not in shown


def test_no_code_is_on_any_page_before_the_end():
    study = make_ending_study(**CODES)
    rater = make_rater(study)
    client = enter(rater)
    for page in ("", "consent", "instructions", "judge", "pause", "done"):
        assert "DONE1" not in text_of(client.get(path_of(rater, page), follow=True))


@pytest.mark.parametrize(("missed", "outcome"), [(1, "complete"), (2, "failed"), (3, "failed")])
def test_missed_attention_tasks_fail_a_rater_at_the_end_and_not_before(missed, outcome):
    study = make_draft(prompts=9)
    import_gold(study, [gold_row(f"p{n}", kind="attention", expected="a") for n in range(1, 9)])
    set_way(study, check_every=3, attention_limit=2, **CODES)
    rater = make_rater(launch_study(study))
    client = enter(rater)
    asked = 0
    while rater.assignments.filter(state="claimed").first() or not fresh(rater).outcome:
        client.get(path_of(rater, "judge"))
        slot = rater.assignments.filter(state="claimed").first()
        if slot is None:
            break
        wrong = slot.purpose == "check" and asked < missed
        asked += slot.purpose == "check"
        side = "left" if (slot.left == "a") != wrong else "right"
        client.post(path_of(rater, "judge"), {"token": slot.token, "choice": side})
        assert rater.assignments.targets().judged().count() <= 9
    assert asked >= 3
    assert rater.assignments.targets().judged().count() == 9
    assert fresh(rater).outcome == outcome
    code = {"complete": "DONE1", "failed": "FAIL1"}[outcome]
    assert code in text_of(client.get(path_of(rater, "done")))


def test_who_came_from_prolific_is_led_back_with_the_code():
    study = make_ending_study(code_complete="DONE1")
    link = open_link(study, cap=2, platform="prolific")
    rater = join(link, Ids(person="p", listing="s", visit="v"))
    client = enter(rater)
    judge_all(client, rater)
    address = "https://app.prolific.com/submissions/complete?cc=DONE1"
    assert f'href="{address}"' in text_of(client.get(path_of(rater, "done")))


def test_an_address_of_the_researchers_gets_the_code():
    url = "https://app.prolific.com/x?cc={code}"
    client, rater = to_the_end(make_ending_study(code_complete="A-1", return_url=url))
    assert 'href="https://app.prolific.com/x?cc=A-1"' in text_of(client.get(path_of(rater, "done")))


def test_without_a_code_nobody_is_sent_anywhere():
    url = "https://app.prolific.com/x?cc={code}"
    client, rater = to_the_end(make_ending_study(return_url=url))
    page = text_of(client.get(path_of(rater, "done")))
    assert "prolific" not in page
    assert "You can close this page." in page


@pytest.mark.parametrize(
    "url",
    [
        "http://app.prolific.com/", "https://evil.example/", "https://app.prolific.com.evil.example",
        "https://app.prolific.com@evil.example/", "https://evil.example/app.prolific.com",
        "javascript:alert(1)", "//app.prolific.com/", "https://app.prolific.com:8443/", "x",
        "https:", "https://[app.prolific.com", "https://app.prolific.com/\n",
        "https://app.prolific.com/ x",
    ],
)  # fmt: skip
def test_an_address_that_is_not_allowed_is_refused(url):
    with pytest.raises(InputRefused, match=r"app\.prolific\.com"):
        check_return_url(url)


def test_the_operator_says_where_raters_may_be_led(settings):
    settings.EVALSITE_RETURN_HOSTS = ["panel.example"]
    assert check_return_url("https://panel.example/end") == "https://panel.example/end"
    with pytest.raises(InputRefused):
        check_return_url("https://app.prolific.com/")


def test_codes_can_be_set_after_the_launch_and_the_log_does_not_tell_them():
    study = make_ending_study()
    client = Client()
    client.force_login(make_user())
    base = f"/studies/{study.slug}/"
    client.post(base + "codes/", {**CODES, "return_url": ""})
    assert Way.objects.get(study=study).code_complete == "DONE1"
    assert "DONE1" not in json.dumps(list(study.events.values_list("detail", flat=True)))
    assert "DONE1" in text_of(client.get(base + "recruiting/"))
    page = client.post(base + "codes/", {**CODES, "return_url": "https://evil.example/"})
    assert "errorlist" in text_of(page)
    client.post(base + "codes/", {"code_complete": "<script>"})
    assert Way.objects.get(study=study).code_complete == "DONE1"
    assert Way.objects.get(study=study).return_url == ""


def test_the_audit_goes_through_the_survey_to_the_end():
    study = make_ending_study(survey=SURVEY, code_complete="DONE1")
    assert [finding for finding in audit_blinding(study) if finding.is_leak] == []
    set_codes(study, code_complete=study.systems.first().slug)
    study.refresh_from_db()
    assert {f.what for f in audit_blinding(study) if f.is_leak} == {study.systems.first().slug}


def a_rater(outcome: str, *, quota: int = 10, filled_up: bool = False) -> Rater:
    study = Study(task_count=10, tasks_per_rater=10)
    return Rater(study=study, outcome=outcome, quota=quota, is_filled_up=filled_up)


@pytest.mark.parametrize(
    ("rater", "judged", "base"),
    [
        (a_rater("complete"), 10, "3.00"),
        (a_rater("complete"), 5, "1.50"),  # skipped the rest
        (a_rater("complete", quota=3), 3, "3.00"),  # promised less at the door
        (a_rater("complete", filled_up=True), 4, "3.00"),
        (a_rater("complete", quota=3), 1, "1.00"),
        (a_rater("screened_out"), 0, "0.40"),
        (a_rater("failed"), 10, "0"),
        (a_rater(""), 7, "0"),
    ],
)
def test_the_base_pay_by_outcome(rater, judged, base):
    way = Way(pay=Decimal("3.00"), screened_out_pay=Decimal("0.40"))
    assert base_pay(way, rater, judged) == Decimal(base)


@pytest.mark.parametrize(
    ("rule", "outcome", "judged", "right", "asked", "is_paid"),
    [
        ("accuracy", "complete", 10, 4, 5, True),
        ("accuracy", "complete", 10, 3, 5, False),
        ("accuracy", "complete", 10, 0, 0, False),
        ("accuracy", "failed", 10, 5, 5, False),
        ("complete", "complete", 10, 0, 5, True),
        ("complete", "complete", 9, 5, 5, False),
        ("", "complete", 10, 5, 5, False),
    ],
)
def test_the_bonus_by_rule(rule, outcome, judged, right, asked, is_paid):
    way = Way(bonus=Decimal("0.50"), bonus_rule=rule, bonus_percent=80)
    paid = bonus_pay(way, a_rater(outcome), judged, Marks(right=right, asked=asked))
    assert paid == (Decimal("0.50") if is_paid else 0)


def test_the_export_has_a_row_for_each_who_began():
    study = make_ending_study(pay=Decimal("2.00"), currency="EUR")
    link = open_link(study, cap=3, platform="prolific")
    done = join(link, Ids(person="-1+1", listing="s", visit="v"))
    judge_all(enter(done), done)
    half = make_rater(study, "=HYPERLINK(1)")
    enter(half)
    make_rater(study, "never came")
    out = StringIO()
    call_command("export_payments", study.slug, stdout=out)
    rows = list(csv.DictReader(StringIO(out.getvalue())))
    assert [row["rater"] for row in rows] == [done.name, "'=HYPERLINK(1)"]
    assert (rows[0]["platform_id"], rows[0]["listing"], rows[0]["visit"]) == ("'-1+1", "s", "v")
    assert (rows[0]["outcome"], rows[0]["judgments"], rows[0]["total"]) == ("complete", "2", "2.00")
    assert (rows[1]["outcome"], rows[1]["total"], rows[1]["currency"]) == (
        "on the way",
        "0.00",
        "EUR",
    )
    assert float(rows[0]["minutes"]) >= 0


def test_the_page_gives_the_same_rows():
    study = make_ending_study()
    to_the_end(study)
    client = Client()
    client.force_login(make_user())
    answer = client.get(f"/studies/{study.slug}/payments.csv")
    assert answer["Content-Type"] == "text/csv"
    text = b"".join(answer.streaming_content).decode()
    assert len(text.splitlines()) == 1 + len(list(payment_records(study))) == 2


def test_payments_cost_the_same_statements_for_many_raters(django_assert_max_num_queries):
    study = make_ending_study()
    for number in range(12):
        enter(make_rater(study, f"rater {number}"))
    fresh_study = Study.objects.select_related("stored_way").get(pk=study.pk)
    with django_assert_max_num_queries(4):
        assert len(list(payment_records(fresh_study))) == 12


def test_the_survey_is_exported_with_a_column_a_question():
    study = make_ending_study(survey=SURVEY)
    client, rater = to_the_end(study)
    client.post(path_of(rater, "survey"), {**ANSWERS, "words": "=1+1"})
    out = StringIO()
    call_command("export_survey", study.slug, stdout=out)
    (row,) = csv.DictReader(StringIO(out.getvalue()))
    assert (row["answer_words"], row["answer_age"], row["answer_ease"]) == ("'=1+1", "30+", "6")


def read(**tables: Any) -> Any:
    return take_way(tables, file="study.toml").settings


def test_the_file_sets_pay_codes_and_survey():
    settings = read(
        raters={"pay": 1.5, "bonus": "0.25", "bonus_rule": "accuracy", **CODES}, survey=SURVEY
    )
    assert settings["pay"] == Decimal("1.5")
    assert settings["bonus"] == Decimal("0.25")
    assert settings["survey"] == SURVEY


@pytest.mark.parametrize(
    ("raters", "words"),
    [
        ({"pay": -1}, "raters.pay is -1"),
        ({"pay": 0.333}, "two decimals"),
        ({"pay": float("nan")}, "raters.pay is nan"),
        ({"pay": float("inf")}, "raters.pay is inf"),
        ({"pay": True}, "raters.pay is True"),
        ({"pay": "much"}, "raters.pay is 'much'"),
        ({"pay": [1]}, "raters.pay is [1]"),
        ({"bonus_rule": "luck"}, "accuracy, complete"),
        ({"code_complete": "a b"}, "letters, digits"),
        ({"code_complete": ""}, "letters, digits"),
        ({"return_url": "https://evil.example"}, "app.prolific.com"),
        ({"currency": "Euro"}, "at most 3 characters"),
        ({"attention_limit": 0}, "1 to 100"),
    ],
)
def test_a_bad_value_is_named_with_its_key(raters, words):
    with pytest.raises(InputRefused) as refused:
        read(raters=raters)
    assert words in str(refused.value)
    assert str(refused.value).startswith("study.toml: raters.")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"kind": "text"}, "key is missing"),
        ({"key": "A b", "kind": "text", "question": "?"}, "key is 'A b'"),
        ({"key": "a", "kind": "slider", "question": "?"}, "kind is 'slider'"),
        ({"key": "a", "kind": "text", "question": ""}, "question is ''"),
        ({"key": "a", "kind": "choice", "question": "?"}, "choices is missing"),
        ({"key": "a", "kind": "choice", "question": "?", "choices": ["x"]}, "choices is ['x']"),
        ({"key": "a", "kind": "choice", "question": "?", "choices": ["x"] * 2}, "each choice once"),
        ({"key": "a", "kind": "text", "question": "?", "low": 1}, "low with kind text"),
        ({"key": "a", "kind": "scale", "question": "?", "high": 50}, "a scale of 50 steps"),
        ({"key": "a", "kind": "scale", "question": "?", "low": 5}, "a scale of 1 steps"),
        ({"key": "a", "kind": "text", "question": "?", "required": 1}, "required is 1"),
        ({"key": "a", "kind": "text", "question": "?", "size": 1}, "unknown key size"),
        ("words", "no table"),
    ],
)  # fmt: skip
def test_a_bad_question_is_named_by_its_number(question, words):
    with pytest.raises(InputRefused) as refused:
        read(survey=[SURVEY[0], question])
    assert words in str(refused.value)
    assert str(refused.value).startswith("study.toml: question 2 of survey")


@pytest.mark.parametrize("survey", ["x", {"key": "a"}, [SURVEY[0]] * 21, [SURVEY[0]] * 2])
def test_a_bad_list_of_questions_is_refused(survey):
    with pytest.raises(InputRefused, match="survey"):
        read(survey=survey)
