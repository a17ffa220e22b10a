"""Which tasks, how often, in which order, which side: pure functions, random numbers in.

Systems, prompts and tasks are numbers here; `annotation.tasks` turns them into rows.
"""

from __future__ import annotations

from annotation.design.groups import groups_on_a_prompt, plan_groups
from annotation.design.rounds import (
    UNIFORM_SHARE,
    Draw,
    draw_tasks,
    pair_numbers,
    plan_first_round,
    round_size,
)
from annotation.design.slots import Candidate, SlotPlan, choose_slot, plan_slots
from annotation.design.tasks import (
    Floats,
    Ints,
    TaskPlan,
    null_pair_count,
    plan_pairs,
    plan_singles,
    with_null_pairs,
)

__all__ = [
    "UNIFORM_SHARE",
    "Candidate",
    "Draw",
    "Floats",
    "Ints",
    "SlotPlan",
    "TaskPlan",
    "choose_slot",
    "draw_tasks",
    "groups_on_a_prompt",
    "null_pair_count",
    "pair_numbers",
    "plan_first_round",
    "plan_groups",
    "plan_pairs",
    "plan_singles",
    "plan_slots",
    "round_size",
    "with_null_pairs",
]
