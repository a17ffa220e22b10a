"""Which tasks, how often, in which order, which side: pure functions of a seed or random numbers.

Systems, prompts and tasks are numbers here; `annotation.tasks` turns them into rows.
"""

from __future__ import annotations

from annotation.design.blocks import Blocks
from annotation.design.choices import Candidate, Pair, Seen, choose_slot
from annotation.design.groups import GroupsInOrder, groups_on_a_prompt
from annotation.design.nulls import PairsWithNulls, null_pair_count
from annotation.design.orders import Order, Stretch, layers
from annotation.design.rounds import (
    UNIFORM_SHARE,
    Draw,
    draw_tasks,
    pair_numbers,
    plan_first_round,
    round_robin,
    round_size,
)
from annotation.design.slots import SlotPlan, plan_slots
from annotation.design.tasks import Floats, Ints, TaskPlan

__all__ = [
    "UNIFORM_SHARE",
    "Blocks",
    "Candidate",
    "Draw",
    "Floats",
    "GroupsInOrder",
    "Ints",
    "Order",
    "Pair",
    "PairsWithNulls",
    "Seen",
    "SlotPlan",
    "Stretch",
    "TaskPlan",
    "choose_slot",
    "draw_tasks",
    "groups_on_a_prompt",
    "layers",
    "null_pair_count",
    "pair_numbers",
    "plan_first_round",
    "plan_slots",
    "round_robin",
    "round_size",
]
