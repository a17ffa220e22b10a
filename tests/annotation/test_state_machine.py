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
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from annotation import stretches, walks
from annotation.assignments import (
    judge_and_go_on,
    keep_judgment,
    next_turn,
    reopen_last_judgment,
    skip_assignment,
)
from annotation.exceptions import AnnotationError, AssignmentUnknown, NothingToUndo
from annotation.gold_files import import_gold
from annotation.launch import launch_study
from annotation.models import Assignment, Rater, Study
from annotation.services import (
    close_study,
    exclude,
    invite_raters,
    lift_exclusion,
    pause_study,
    resume_study,
    revoke_rater,
    withdraw_system,
)
from annotation.way import set_way
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row
from tests.factories import make_study
from tests.protocols.rating import reply_to

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _little_at_a_time(monkeypatch):
    """Stretches of three tasks and windows of four slots: each run meets several of them."""
    monkeypatch.setattr(stretches, "SLOTS", 6)
    monkeypatch.setattr(stretches, "LEAST_TASKS", 3)
    monkeypatch.setattr(walks, "WINDOW", 4)


class Rating(RuleBasedStateMachine):
    raters = Bundle("raters")

    @initialize(
        wanted=st.integers(1, 3),
        budget=st.none() | st.integers(3, 12),
        protocol=st.sampled_from(["pairwise", "pairwise", "mos", "ccr", "best_worst"]),
        is_checked=st.booleans(),
    )
    def launch(self, wanted, budget, protocol, is_checked):
        is_grouped = protocol == "best_worst"
        pairing = "full" if budget is None else "block"
        draft = make_study(
            systems=4 if is_grouped else 3,
            prompts=12 if is_grouped else 4,
            judgments_per_task=wanted,
            protocol=protocol,
            options={"null_share": 0.25} if protocol == "ccr" else {},
            pairing=pairing,
            task_budget=budget,
        )
        if is_checked and protocol == "pairwise":
            add_checks(draft)
        self.study = launch_study(draft)
        self.met: dict[int, list[int]] = {}

    def fresh(self, rater: Rater) -> Rater:
        return Rater.objects.select_related("study__stored_way").get(pk=rater.pk)

    def serve(self, rater: Rater) -> Assignment | None:
        turn = next_turn(self.fresh(rater))
        if turn.assignment_pk is None:
            return None
        slots = Assignment.objects.select_related("study", "task__prompt")
        return slots.get(pk=turn.assignment_pk)

    @precondition(lambda self: self.study.state in ("open", "paused"))
    @rule(target=raters)
    def invite(self):
        return multiple(*invite_raters(self.study, count=1))

    @rule(rater=raters)
    def look(self, rater):
        slot = self.serve(rater)
        assert slot is None or slot.rater_id == rater.pk

    @rule(rater=raters, choice=st.integers(0, 3))
    def judge(self, rater, choice):
        slot = self.serve(rater)
        if slot is None:
            return
        try:
            self.answer(rater, slot, choice)
        except AnnotationError:
            assert self.study.state == Study.State.CLOSED
        else:
            if slot.state == Assignment.State.CLAIMED:
                self.met.setdefault(rater.pk, []).append(slot.task_id)

    def answer(self, rater: Rater, slot: Assignment, choice: int = 0) -> None:
        judge_and_go_on(self.fresh(rater), token=slot.token, **reply_to(slot, choice))

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
                self.answer(one, slot)

    @rule()
    def everybody_goes_away(self):
        past = now() - timedelta(seconds=1)
        self.study.assignments.filter(state="claimed").update(lease_until=past)

    @rule(rater=raters)
    def one_goes_away(self, rater):
        past = now() - timedelta(seconds=1)
        rater.assignments.filter(state="claimed").update(lease_until=past)

    @rule(rater=raters)
    def answer_too_late(self, rater):
        slot = self.serve(rater)
        if slot is not None and slot.state == Assignment.State.CLAIMED:
            self.one_goes_away(rater)
            with pytest.raises(AnnotationError):  # its time is over, or the study is
                self.answer(rater, slot)

    @precondition(lambda self: not self.study.study_systems.exclude(withdrawn_at=None).exists())
    @rule(place=st.integers(0, 2))
    def withdraw(self, place):
        system = self.study.systems.order_by("study_systems__position")[place]
        withdraw_system(self.study, system=system, reason="a test")

    @rule(rater=consumes(raters))
    def revoke(self, rater):
        revoke_rater(rater)

    @rule(rater=raters)
    def exclude_one(self, rater):
        with suppress(InputRefused):  # excluded already
            exclude(rater=rater, rule="by hand", reason="a test")

    @rule(rater=raters)
    def lift(self, rater):
        for exclusion in rater.exclusions.filter(lifted_at=None):
            lift_exclusion(exclusion)

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
        taken = self.study.assignments.targets().filter(state__in=["claimed", "judged"])
        counts = taken.order_by().values("task").annotate(n=Count("pk")).values_list("n", flat=True)
        assert max(counts, default=0) <= self.study.judgments_per_task

    @invariant()
    def every_task_keeps_its_slots(self):
        alive = self.study.assignments.targets().exclude(state="skipped")
        self.study.refresh_from_db()
        assert alive.count() == self.study.slot_count
        asked = self.study.tasks.filter(is_gold=False).count()
        assert asked == self.study.task_count <= self.study.design_place
        assert 0 <= self.study.tasks_to_come <= self.study.design_count - asked
        assert self.study.slot_count == self.study.task_count * self.study.judgments_per_task
        if self.study.protocol in ("pairwise", "ccr"):
            assert_sides_are_balanced(alive)

    @invariant()
    def no_task_is_there_twice(self):
        asked = self.study.tasks.filter(is_gold=False)
        tasks = list(asked.values_list("prompt", "system_a", "system_b", "group"))
        assert len(set(tasks)) == len(tasks) <= self.study.design_count

    @invariant()
    def what_is_known_is_nobodys_but_who_it_was_made_for(self):
        known = self.study.assignments.filter(task__is_gold=True)
        assert known.filter(rater=None).count() == known.targets().count() == 0

    @invariant()
    def no_rater_meets_a_task_twice(self):
        assert all(len(tasks) == len(set(tasks)) for tasks in self.met.values())

    @invariant()
    def every_judged_slot_has_one_judgment_that_stands(self):
        judged = self.study.assignments.judged().count()
        assert self.study.judgments.current().count() == judged
        first = self.study.judgments.filter(supersedes=None)
        assert first.count() == judged

    def teardown(self):
        """Enough fresh raters finish what is left: no task is under its target."""
        if not hasattr(self, "study") or self.study.state == Study.State.CLOSED:
            return
        if self.study.state == Study.State.PAUSED:
            resume_study(self.study)
        self.everybody_goes_away()
        for rater in invite_raters(self.study, count=self.study.judgments_per_task):
            while slot := self.serve(rater):
                self.answer(rater, slot)
        self.study.refresh_from_db()
        assert self.study.tasks_to_come == 0
        slots = self.study.assignments.targets()
        left = slots.exclude(state__in=["judged", "withdrawn", "skipped"])
        reopened = self.study.assignments.filter(reopened_at__isnull=False)
        assert not left.exists(), reopened.count()
        withdrawn = self.study.study_systems.exclude(withdrawn_at=None).exists()
        judged = Counter(slots.judged().values_list("task", flat=True))
        if not withdrawn:
            assert set(judged.values()) == {self.study.judgments_per_task}
            assert len(judged) == self.study.task_count
        self.every_task_keeps_its_slots()


def add_checks(draft: Study) -> None:
    """Make two pairs of the study's own known, and mix them in."""
    first, second = (s.slug for s in draft.systems.order_by("study_systems__position")[:2])
    values = {"system_a": first, "system_b": second, "expected": "a", "kind": "gold"}
    rows = [
        Row(file="gold.jsonl", line=line, values={**values, "prompt_id": prompt.key})
        for line, prompt in enumerate(draft.prompt_set.prompts.all()[:2], start=1)
    ]
    import_gold(draft, rows)
    set_way(draft, check_every=3)


def assert_sides_are_balanced(slots):
    balance: Counter[tuple[int, int]] = Counter()
    for a, b, left in slots.values_list("task__system_a", "task__system_b", "left"):
        balance[a, b] += 1 if left == "a" else -1
    assert max(map(abs, balance.values())) <= 1


def test_the_promises_hold_in_any_order():
    run_state_machine_as_test(
        Rating,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
