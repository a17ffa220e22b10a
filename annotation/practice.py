"""Before judging: training with feedback, and a qualification that may be tried twice.

Both are tasks with a known answer. A second try shows other tasks than the first: no rater meets
a task twice, and whoever failed has not simply learnt the answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.timezone import now

from annotation.gold import claim_gold, gold_slot, is_right
from annotation.mixing import draw
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.steps import QUALIFICATION, TRAINING, Step, complete_step
from annotation.way import ATTEMPTS
from evalsite.lib.db import write_transaction

PURPOSES: dict[str, Assignment.Purpose] = {
    TRAINING.name: Assignment.Purpose.TRAINING,
    QUALIFICATION.name: Assignment.Purpose.QUALIFICATION,
}


@dataclass(frozen=True, kw_only=True)
class Practice:
    """What a rater sees next at such a step: an assignment, or none once the step is over."""

    assignment_pk: int | None
    #: From 1, of so many in this attempt.
    number: int = 1
    count: int = 0
    attempt: int = 1


@write_transaction()
def next_practice(rater: Rater, step: Step) -> Practice:
    """Return the task on the rater's screen, or a new claim; without one, end the step.

    A failed qualification ends the rater's way. While the study is paused nothing is claimed.
    """
    rater.lock()
    own = rater.assignments.filter(purpose=PURPOSES[step.name])
    claimed = own.filter(state=Assignment.State.CLAIMED)
    claimed.filter(lease_until__lte=now()).give_back()
    judged = own.judged().count()
    count = _tasks_in(rater.study, step)
    attempt, answered = divmod(judged, count) if step is QUALIFICATION else (0, judged)
    place = {"number": answered + 1, "count": count, "attempt": attempt + 1}
    if pk := claimed.values_list("pk", flat=True).first():
        return Practice(assignment_pk=pk, **place)
    if rater.study.state != Study.State.OPEN:
        return Practice(assignment_pk=None, **place)
    pk = None if _is_decided(rater, judged, count, step) else _claim_next(rater, step)
    if pk is None:
        _finish(rater, step, count)
    return Practice(assignment_pk=pk, **place)


def _tasks_in(study: Study, step: Step) -> int:
    """Return how many tasks the step has, in one attempt."""
    way = study.way
    return way.qualification_tasks if step is QUALIFICATION else way.training_count


def _is_decided(rater: Rater, judged: int, count: int, step: Step) -> bool:
    """Return whether an attempt is complete, and passed or the last one."""
    if step is TRAINING or judged == 0 or judged % count:
        return False
    return judged >= ATTEMPTS * count or has_passed(rater, count)


def _claim_next(rater: Rater, step: Step) -> int | None:
    """Claim the next task of the step."""
    task = _next_task(rater, step)
    return None if task is None else claim_gold(rater, task, PURPOSES[step.name])


def _next_task(rater: Rater, step: Step) -> int | None:
    """Return the next task of the step: training in the order given, qualification by lot."""
    study, purpose = rater.study, PURPOSES[step.name]
    met = rater.assignments.filter(purpose=purpose).values("task")
    unmet = study.golds.in_use().filter(kind=purpose.value).exclude(task__in=met)
    tasks = list(unmet.order_by("pk").values_list("task", flat=True))
    if step is QUALIFICATION:
        tasks.sort(key=lambda task: draw(study.seed, rater.public_id, task, below=2**32))
    return tasks[0] if tasks else None


def foreseen_practice(rater: Rater, step: Step) -> Assignment | None:
    """Return the slot, not stored, that comes after the task on the rater's screen.

    After training comes the qualification. Nothing is foreseen behind the last task of an attempt:
    whether another one follows depends on the answers, and must not be told by what is fetched.
    """
    own = rater.assignments.filter(purpose=PURPOSES[step.name])
    is_live = own.filter(state=Assignment.State.CLAIMED, lease_until__gt=now()).exists()
    if not is_live or rater.study.state != Study.State.OPEN:
        return None
    answered, count = own.judged().count() + 1, _tasks_in(rater.study, step)
    if answered % count == 0:
        if step is QUALIFICATION or not QUALIFICATION.applies(rater.study):
            return None
        step = QUALIFICATION
    task = _next_task(rater, step)
    return None if task is None else gold_slot(rater, task)


def has_passed(rater: Rater, count: int) -> bool:
    """Return whether the latest attempt of `count` tasks reaches the study's mark."""
    purpose = Assignment.Purpose.QUALIFICATION
    answers = Judgment.objects.filter(rater=rater, assignment__purpose=purpose)
    given = list(answers.select_related("task__gold").order_by("pk"))
    latest = given[(len(given) - 1) // count * count :] if given else []
    right = sum(is_right(judgment.task.gold.expected, judgment) for judgment in latest)
    return bool(latest) and 100 * right >= rater.study.way.pass_percent * len(latest)


def _finish(rater: Rater, step: Step, count: int) -> None:
    golds = rater.study.golds.in_use().filter(kind=PURPOSES[step.name].value)
    # Without a task left to ask, because its system was withdrawn, nobody is held back.
    if step is TRAINING or has_passed(rater, count) or not golds.exists():
        complete_step(rater, step)
    else:
        rater.end(Rater.Outcome.SCREENED_OUT)
