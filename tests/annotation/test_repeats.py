"""Tasks that a rater judges twice: they look like any other and are of no result."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from annotation.audit import audit_blinding
from annotation.exchange import export_records
from annotation.gold import quota_shown
from annotation.launch import launch_study
from annotation.models import Assignment, Rater, Study
from annotation.payments import payment_records
from annotation.quality.assessment import assess
from annotation.repeats import GAP
from annotation.services import withdraw_system
from annotation.way import set_way
from ranking.comparisons import read_study
from ranking.rollups import read_cells
from tests.annotation.people import HTMX, enter, path_of, text_of, token_on
from tests.factories import make_rater, make_study

pytestmark = pytest.mark.django_db
EVERY = 4


def make_repeating(*, every: int = EVERY, **kwargs) -> Study:
    kwargs.setdefault("prompts", 20)
    study = make_study(**kwargs)
    set_way(study, repeat_every=every)
    return launch_study(study)


def repeats_of(rater: Rater):
    return rater.assignments.filter(purpose=Assignment.Purpose.REPEAT)


def judge_all(rater: Rater, *, choice: str = "left") -> list[tuple[str, str]]:
    """Judge to the end; return what the bar said before each answer."""
    client, seen = enter(rater), []
    while "Thank you" not in text_of(page := client.get(path_of(rater, "judge"))):
        ((number, of),) = re.findall(r"(\d+) of (\d+)</span>", text_of(page))
        seen.append((number, of))
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": choice})
    return seen


def test_some_tasks_come_again_and_the_bar_ends_where_it_said():
    rater = make_rater(make_repeating())
    seen = judge_all(rater)
    count = repeats_of(rater).judged().count()
    assert count in (4, 5)  # a place in each block of four among twenty
    assert seen == [(str(n), str(20 + count)) for n in range(20 + count)]
    assert quota_shown(rater) == 20 + count


@pytest.mark.parametrize("prompts", [1, GAP, GAP + 1, GAP + 2, 9])
def test_the_bar_ends_where_it_said_in_short_studies_too(prompts):
    rater = make_rater(make_repeating(prompts=prompts, every=2))
    seen = judge_all(rater)
    count = repeats_of(rater).count()
    assert count <= max(prompts - 1 - GAP, 0)
    assert seen == [(str(n), str(prompts + count)) for n in range(prompts + count)]


def test_a_repeat_is_turned_round_and_comes_after_a_while():
    rater = make_rater(make_repeating())
    judge_all(rater)
    order = list(rater.assignments.of_judging().order_by("judged_at").values_list("pk", flat=True))
    for repeat in repeats_of(rater):
        first = rater.assignments.targets().get(task=repeat.task)
        assert repeat.left != first.left
        assert order.index(repeat.pk) - order.index(first.pk) > GAP


def test_a_group_comes_again_in_the_other_order():
    study = make_repeating(protocol="best_worst", options={"size": 3}, systems=3)
    rater = make_rater(study)
    client = enter(rater)
    for _ in range(14):
        page = client.get(path_of(rater, "judge"))
        client.post(path_of(rater, "judge"), {"token": token_on(page), "best": "0", "worst": "1"})
    repeat = repeats_of(rater).first()
    assert repeat.order == rater.assignments.targets().get(task=repeat.task).order[::-1]


def test_no_task_comes_a_third_time():
    rater = make_rater(make_repeating(prompts=12, every=2))
    judge_all(rater)
    repeat = repeats_of(rater).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.create(
            study=repeat.study, task=repeat.task, purpose="repeat", left="a", position=0,
            state="judged", rater=rater,
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Assignment.objects.create(
            study=repeat.study, task=repeat.task, purpose="check", left="a", position=0,
            state="judged", rater=rater,
        )  # fmt: skip


def test_repeats_use_up_nothing_of_the_target_and_are_of_no_result():
    study = make_repeating(judgments_per_task=1)
    rater = make_rater(study)
    judge_all(rater)
    assert study.assignments.targets().judged().count() == study.slot_count == 20
    assert study.judgments.counted().count() == 20
    assert len(list(export_records(study))) == 20
    assert (read_cells(study).total, read_cells(study).recorded) == (20, 20)
    assert read_study(study).everything.total == 20


def test_whoever_answers_by_place_is_not_consistent_and_whoever_reads_is():
    study = make_repeating(prompts=30)
    by_place, by_text = make_rater(study, name="by place"), make_rater(study, name="by text")
    judge_all(by_place)
    client = enter(by_text)
    while "Thank you" not in text_of(page := client.get(path_of(by_text, "judge"))):
        slot = by_text.assignments.get(state="claimed")
        choice = "left" if slot.left == "a" else "right"
        client.post(path_of(by_text, "judge"), {"token": token_on(page), "choice": choice})
    found = assess(study)
    values = found.measured["consistency"].value
    measured = {
        name: values[found.place[pk]] for pk, name in study.raters.values_list("pk", "name")
    }
    assert measured == {"by place": 0.0, "by text": 1.0}


def test_a_repeat_cannot_be_told_from_another_task():
    rater = make_rater(make_repeating())
    client = enter(rater)
    shapes: dict[bool, set[str]] = {False: set(), True: set()}
    for _ in range(16):
        page = client.get(path_of(rater, "judge"))
        slot = rater.assignments.get(state="claimed")
        text = re.sub(r'value="[^"]{36}"', "TOKEN", text_of(page))
        text = re.sub(r"csrfmiddlewaretoken[^>]+|x-csrftoken[^>]+", "CSRF", text)
        text = re.sub(r'<div class="text" dir="auto">.*?</div>', "TEXT", text, flags=re.DOTALL)
        text = re.sub(r"\d+ of \d+|Task \d+|width=\"\d+\"", "COUNT", text)
        text = re.sub(r"<form[^>]*undo.*?</form>", "", text, flags=re.DOTALL)
        shapes[slot.purpose == "repeat"].add(text)
        client.post(path_of(rater, "judge"), {"token": slot.token, "choice": "left"})
    assert shapes[True]
    assert shapes[True] <= shapes[False]


def test_a_skipped_repeat_is_gone_and_opens_no_slot():
    rater = make_rater(make_repeating())
    client = enter(rater)
    while not repeats_of(rater).exists():
        page = client.get(path_of(rater, "judge"))
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "left"})
    before = rater.study.assignments.count()
    client.post(path_of(rater, "skip"), {"token": repeats_of(rater).get().token}, headers=HTMX)
    assert repeats_of(rater).first().state == "skipped"
    assert rater.study.assignments.filter(state="open", purpose="repeat").count() == 0
    assert rater.study.assignments.count() in (before, before + 1)


def test_nothing_of_a_withdrawn_system_comes_again():
    study = make_repeating(systems=3, prompts=8)
    rater = make_rater(study)
    client = enter(rater)
    for _ in range(8):
        page = client.get(path_of(rater, "judge"))
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "left"})
    gone = study.systems.first()
    withdraw_system(study, system=gone, reason="broken")
    known = set(repeats_of(rater).values_list("pk", flat=True))
    for _ in range(8):
        page = client.get(path_of(rater, "judge"))
        if "Thank you" in text_of(page):
            break
        client.post(path_of(rater, "judge"), {"token": token_on(page), "choice": "left"})
    for repeat in repeats_of(rater).exclude(pk__in=known).select_related("task"):
        assert gone.pk not in (repeat.task.system_a_id, repeat.task.system_b_id)


def test_repeats_are_frozen_audited_and_not_paid_for_twice():
    study = make_repeating()
    assert study.plan["raters"]["repeat_every"] == EVERY
    assert [finding for finding in audit_blinding(study) if finding.is_leak] == []
    rater = make_rater(study)
    judge_all(rater)
    (paid,) = payment_records(study)
    assert paid["judgments"] == 20


def test_an_answer_before_a_repeat_stays_within_its_statements():
    rater = make_rater(make_repeating(every=2))
    client = enter(rater)
    most = 0
    for _ in range(14):
        page = client.get(path_of(rater, "judge"))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.post(
                path_of(rater, "judge"),
                {"token": token_on(page), "choice": "left"},
                headers=HTMX,
            )
        most = max(most, len(asked))
    assert most <= 12
