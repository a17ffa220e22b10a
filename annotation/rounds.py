"""Rounds of adaptive pairs: a study's tasks come in rounds, until its budget is spent.

Which pairs a round prefers is decided by whoever calls (`ranking.services.ask_next_pairs`); this
module knows what was asked, what is left, and that nothing is asked twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db.models import Count, Max
from numpy.typing import NDArray

from annotation.design import (
    UNIFORM_SHARE,
    Draw,
    Floats,
    Ints,
    draw_tasks,
    pair_numbers,
    plan_first_round,
    round_size,
)
from annotation.exceptions import BudgetSpent, NotAdaptive, StudyNotOpen
from annotation.models import Assignment, Study
from annotation.tasks import GONE, Outputs, make_slots, make_tasks, outputs_of, prompts_of
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from generation.models import System

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
    size = round_size(systems=study.systems.count(), target=study.judgments_per_task)
    return min(size, study.tasks_to_come)


def make_first_round(
    study: Study, systems: list[System], outputs: Outputs, *, by: User | None
) -> None:
    """Make the even round of a launch."""
    rng = _rng(study, 1)
    draw = plan_first_round(
        systems=len(systems),
        prompts=study.prompt_set.prompts.count(),
        count=next_round_size(study),
        rng=rng,
    )
    tasks = make_tasks(study, draw.tasks, systems, outputs, turn=1, chance=draw.chance)
    make_slots(study, draw.tasks, tasks, rng)
    _log(study, 1, rule="even", count=len(tasks), by=by)


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
    if keep is not None and (study.tasks_to_come == 0 or study.assignments.open().count() >= keep):
        return 0
    if study.tasks_to_come == 0:
        raise BudgetSpent
    count = next_round_size(study) if count is None else count
    return _add(study, chances, min(count, study.tasks_to_come), rule, by)


def _add(study: Study, chances: Floats, count: int, rule: str, by: User | None) -> int:
    systems = list(study.systems.order_by("study_systems__position"))
    outputs = outputs_of(study, systems)
    available = _available(study, systems, outputs)
    if not available.any():
        raise BudgetSpent("No task is left that could be asked.")
    turn = (study.tasks.aggregate(last=Max("round"))["last"] or 0) + 1
    rng = _rng(study, turn)
    draw = draw_tasks(chances, available, count=count, rng=rng)
    lead = _lead(study, systems, draw)
    tasks = make_tasks(study, draw.tasks, systems, outputs, turn=turn, chance=draw.chance)
    make_slots(study, draw.tasks, tasks, rng, lead)
    _log(study, turn, rule=rule, count=len(tasks), by=by)
    return len(tasks)


def _rng(study: Study, turn: int) -> np.random.Generator:
    return np.random.default_rng([study.seed, turn])


def _log(study: Study, turn: int, *, rule: str, count: int, by: User | None) -> None:
    study.log("tasks added", by=by, round=turn, rule=rule, count=count, seed=[study.seed, turn])


def _available(study: Study, systems: list[System], outputs: Outputs) -> NDArray[np.bool_]:
    """Return [pairs, prompts]: not asked yet, and about two outputs that can be shown."""
    prompts = prompts_of(study)
    gone = study.study_systems.exclude(withdrawn_at=None).values_list("system", flat=True)
    withdrawn = set(gone)
    usable = np.array(
        [
            [_is_usable(outputs, prompt, s) and s.pk not in withdrawn for s in systems]
            for prompt in prompts
        ]
    ).reshape(len(prompts), len(systems))
    first, second, number = pair_numbers(len(systems))
    available = (usable[:, first] & usable[:, second]).T
    row = {prompt: p for p, prompt in enumerate(prompts)}
    place = {system.pk: i for i, system in enumerate(systems)}
    asked = study.tasks.filter(is_gold=False)
    for prompt, a, b in asked.values_list("prompt", "system_a", "system_b"):
        i, j = sorted((place[a], place[b]))
        available[number[i, j], row[prompt]] = False
    return np.asarray(available)


def _is_usable(outputs: Outputs, prompt: int, system: System) -> bool:
    output = outputs.get((prompt, system.pk))
    return output is not None and output.state not in GONE


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
