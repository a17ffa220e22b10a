"""Rounds of adaptive pairs: a study's tasks come in rounds, until its budget is spent.

Which pairs a round prefers is decided by whoever calls (`ranking.services.ask_next_pairs`); this
module knows what was asked, what is left, and that nothing is asked twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Count, Max, Q
from django.utils.timezone import now
from numpy.typing import NDArray

from annotation.design import (
    UNIFORM_SHARE,
    Draw,
    Floats,
    Ints,
    draw_tasks,
    pair_numbers,
    plan_first_round,
    plan_slots,
    round_size,
)
from annotation.exceptions import BudgetSpent, NotAdaptive, StudyNotOpen
from annotation.models import Assignment, Study
from annotation.tasks import GONE, make_slots, make_tasks
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from generation.models import Output, System

#: What later rounds go by; the log says which rule each went by.
RULE = "resistance"


def plan_of_rounds(study: Study, *, systems: int) -> dict[str, Any]:
    """Return what an adaptive study says beforehand of how its tasks are chosen."""
    size = round_size(systems=systems, target=study.judgments_per_task)
    return {
        "first_round": min(size, study.task_budget or 0),
        "later_rounds": size,
        "rule": RULE,
        "uniform_share": UNIFORM_SHARE,
        "seed": "the study's and the number of the round",
    }


def next_round_size(study: Study) -> int:
    """Return how many tasks the next round has unless it is told otherwise; 0: none can come."""
    if study.pairing != Study.Pairing.ADAPTIVE:
        return 0
    size = round_size(systems=study.systems.count(), target=study.judgments_per_task)
    return min(size, study.tasks_to_come)


def make_first_round(study: Study, *, by: User | None) -> None:
    """Make the even round of a launch."""
    systems = list(study.systems.order_by("study_systems__position"))
    rng = _rng(study, 1)
    draw = plan_first_round(
        systems=len(systems),
        prompts=study.prompts.count(),
        count=next_round_size(study),
        rng=rng,
    )
    _store(study, draw, systems, rng, turn=1)
    _log(study, 1, rule="even", count=len(draw.chance), by=by)


@write_transaction()
def add_round(
    study: Study,
    *,
    chances: Floats,
    rule: str,
    count: int | None = None,
    keep: int | None = None,
    by: User | None = None,
) -> int:
    """Ask `count` more tasks (a planned round's, if None) of pairs by `chances`; return how many.

    `chances` [systems, systems] is in the study's order of systems; see `design.draw_tasks`. Never
    more than the budget and the tasks that are left allow. With `keep` (for cron), nothing is done,
    and nothing refused, while so many slots or more are open or once the budget is spent. Raises
    `NotAdaptive`, `StudyNotOpen`, `BudgetSpent`, and `InputRefused` for a count that is none.
    """
    # The row is locked, so that of two rounds at once the second knows the first.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if study.pairing != Study.Pairing.ADAPTIVE:
        raise NotAdaptive
    if study.state != Study.State.OPEN:
        raise StudyNotOpen
    if count is not None and count < 1:
        raise InputRefused(f"{count} tasks", expected="1 or more")
    if keep is not None and (study.tasks_to_come == 0 or _open_slots(study) >= keep):
        return 0
    if study.tasks_to_come == 0:
        raise BudgetSpent
    count = next_round_size(study) if count is None else count
    return _add(study, chances, min(count, study.tasks_to_come), rule, by)


def _open_slots(study: Study) -> int:
    """Return how many slots are open, those included that raters have left lying."""
    is_left = Q(state=Assignment.State.CLAIMED, lease_until__lte=now())
    slots = study.assignments.targets()
    return slots.filter(Q(state=Assignment.State.OPEN) | is_left).count()


def _add(study: Study, chances: Floats, count: int, rule: str, by: User | None) -> int:
    systems = list(study.systems.order_by("study_systems__position"))
    available = _available(study, systems)
    if not available.any():
        raise BudgetSpent("No task is left that could be asked.")
    turn = (study.tasks.aggregate(last=Max("round"))["last"] or 0) + 1
    rng = _rng(study, turn)
    draw = draw_tasks(chances, available, count=count, rng=rng)
    _store(study, draw, systems, rng, turn=turn, lead=_lead(study, systems, draw))
    _log(study, turn, rule=rule, count=len(draw.chance), by=by)
    return len(draw.chance)


def _store(
    study: Study,
    draw: Draw,
    systems: list[System],
    rng: np.random.Generator,
    *,
    turn: int,
    lead: Ints | None = None,
) -> None:
    new = make_tasks(study, draw.tasks, systems, turn=turn, chance=draw.chance)
    target = study.judgments_per_task
    make_slots(study, new, plan_slots(draw.tasks, target=target, rng=rng, lead=lead))


def _rng(study: Study, turn: int) -> np.random.Generator:
    return np.random.default_rng([study.seed, turn])


def _log(study: Study, turn: int, *, rule: str, count: int, by: User | None) -> None:
    study.log("tasks added", by=by, round=turn, rule=rule, count=count, seed=[study.seed, turn])


def _available(study: Study, systems: list[System]) -> NDArray[np.bool_]:
    """Return [pairs, prompts]: not asked yet, and about two outputs that can be shown."""
    prompts = study.prompts.values_list("pk", flat=True)
    row = {prompt: p for p, prompt in enumerate(prompts)}
    place = {system.pk: i for i, system in enumerate(systems)}
    usable = _usable(study, place, row)
    first, second, number = pair_numbers(len(systems))
    available = (usable[:, first] & usable[:, second]).T
    asked = study.tasks.filter(is_gold=False)
    for prompt, a, b in asked.values_list("prompt", "system_a", "system_b"):
        i, j = sorted((place[a], place[b]))
        available[number[i, j], row[prompt]] = False
    return np.asarray(available)


def _usable(study: Study, place: dict[int, int], row: dict[int, int]) -> NDArray[np.bool_]:
    """Return [prompts, systems]: an output that is there or being made, of who is still in."""
    usable = np.zeros((len(row), len(place)), dtype=np.bool_)
    rows = Output.objects.filter(system__in=place, sample=study.sample).exclude(state__in=GONE)
    for prompt, system in rows.order_by().values_list("prompt_id", "system_id"):
        if prompt in row:
            usable[row[prompt], place[system]] = True
    for system in study.study_systems.exclude(withdrawn_at=None).values_list("system", flat=True):
        usable[:, place[system]] = False
    return usable


def _lead(study: Study, systems: list[System], draw: Draw) -> Ints:
    """Return, for each task drawn, by how many slots a led b on the left within its pair so far."""
    place = {system.pk: i for i, system in enumerate(systems)}
    lead = np.zeros((len(systems), len(systems)), dtype=np.int64)
    rows = (
        study.assignments.targets()
        .exclude(state=Assignment.State.SKIPPED)
        .order_by()
        .values_list("task__system_a", "task__system_b", "left")
        .annotate(count=Count("pk"))
    )
    for a, b, left, count in rows:
        lead[place[a], place[b]] += count if left == "a" else -count
    return np.asarray(lead[draw.tasks.system_a, draw.tasks.system_b])
