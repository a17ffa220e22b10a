"""Whatever raters and researchers do, in any order, the promises hold."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db.models import Count
from django.utils.timezone import now
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from annotation.assignments import (
    judge_and_go_on,
    keep_judgment,
    next_turn,
    reopen_last_judgment,
    skip_assignment,
)
from annotation.exceptions import AnnotationError, AssignmentUnknown, NothingToUndo
from annotation.launch import launch_study
from annotation.models import Assignment, Rater, Study
from annotation.services import (
    close_study,
    exclude,
    invite_raters,
    pause_study,
    resume_study,
    revoke_rater,
)
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_study

pytestmark = pytest.mark.django_db


class Rating(RuleBasedStateMachine):
    raters = Bundle("raters")

    def __init__(self) -> None:
        super().__init__()
        self.study = launch_study(make_study(systems=3, prompts=2, judgments_per_task=2))
        self.met: dict[int, list[int]] = {}

    def fresh(self, rater: Rater) -> Rater:
        return Rater.objects.select_related("study").get(pk=rater.pk)

    def serve(self, rater: Rater) -> Assignment | None:
        turn = next_turn(self.fresh(rater))
        if turn.assignment_pk is None:
            return None
        return Assignment.objects.get(pk=turn.assignment_pk)

    @precondition(lambda self: self.study.state in ("open", "paused"))
    @rule(target=raters)
    def invite(self):
        return multiple(*invite_raters(self.study, count=1))

    @rule(rater=raters)
    def look(self, rater):
        slot = self.serve(rater)
        assert slot is None or slot.rater_id == rater.pk

    @rule(rater=raters, choice=st.sampled_from(["left", "right", "tie", "both_bad"]))
    def judge(self, rater, choice):
        slot = self.serve(rater)
        if slot is None:
            return
        try:
            judge_and_go_on(self.fresh(rater), token=slot.token, choice=choice)
        except AnnotationError:
            assert self.study.state == Study.State.CLOSED
        else:
            if slot.state == Assignment.State.CLAIMED:
                self.met.setdefault(rater.pk, []).append(slot.task_id)

    @rule(rater=raters)
    def skip(self, rater):
        slot = self.serve(rater)
        if slot is not None and slot.state == Assignment.State.CLAIMED:
            skip_assignment(self.fresh(rater), token=slot.token)
            self.met.setdefault(rater.pk, []).append(slot.task_id)

    @rule(rater=raters)
    def undo(self, rater):
        try:
            reopen_last_judgment(self.fresh(rater))
        except NothingToUndo:
            return
        assert rater.assignments.filter(reopened_at__isnull=False).count() == 1

    @rule(rater=raters)
    def keep(self, rater):
        keep_judgment(rater)

    @rule(one=raters, other=raters)
    def answer_for_another(self, one, other):
        slot = self.serve(other)
        if slot is not None and one.pk != other.pk:
            with pytest.raises(AssignmentUnknown):
                judge_and_go_on(self.fresh(one), token=slot.token, choice="tie")

    @rule()
    def everybody_goes_away(self):
        past = now() - timedelta(seconds=1)
        self.study.assignments.filter(state="claimed").update(lease_until=past)

    @rule(rater=consumes(raters))
    def revoke(self, rater):
        revoke_rater(rater)

    @rule(rater=raters)
    def exclude_one(self, rater):
        with suppress(InputRefused):  # excluded already
            exclude(rater=rater, rule="by hand", reason="a test")

    @precondition(lambda self: self.study.state == "open")
    @rule()
    def pause(self):
        pause_study(self.study)

    @precondition(lambda self: self.study.state == "paused")
    @rule()
    def resume(self):
        resume_study(self.study)

    @precondition(lambda self: self.study.state == "open" and self.study.judgments.count() > 8)
    @rule()
    def close(self):
        close_study(self.study)

    @invariant()
    def no_task_has_more_than_its_target(self):
        taken = self.study.assignments.filter(state__in=["claimed", "judged"])
        counts = taken.order_by().values("task").annotate(n=Count("pk")).values_list("n", flat=True)
        assert max(counts, default=0) <= self.study.judgments_per_task

    @invariant()
    def every_task_keeps_its_slots(self):
        alive = self.study.assignments.exclude(state="skipped")
        assert alive.count() == self.study.slot_count
        balance: Counter[tuple[int, int]] = Counter()
        for a, b, left in alive.values_list("task__system_a", "task__system_b", "left"):
            balance[a, b] += 1 if left == "a" else -1
        assert max(map(abs, balance.values())) <= 1

    @invariant()
    def no_rater_meets_a_task_twice(self):
        assert all(len(tasks) == len(set(tasks)) for tasks in self.met.values())

    @invariant()
    def every_judged_slot_has_one_judgment_that_stands(self):
        judged = self.study.assignments.judged().count()
        assert self.study.judgments.current().count() == judged
        first = self.study.judgments.filter(supersedes=None)
        assert first.count() == judged


def test_the_promises_hold_in_any_order():
    run_state_machine_as_test(
        Rating,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
