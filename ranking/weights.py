"""What judgments weigh in a study that did not ask every pair equally often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.models import Study
from annotation.protocols import protocol_of
from ranking.rollups import Cells
from ranking.stats.counts import Comparisons, Floats, Ints
from ranking.stats.pairing import inverse_chance_weights


@dataclass(frozen=True, kw_only=True)
class TaskWeights:
    """Parallel arrays, one entry a task that was drawn, sorted by its key."""

    key: Ints
    weight: Floats

    def of(self, data: Comparisons) -> Floats:
        """Return the weight of each cell's task; one where the task was never drawn (imported)."""
        wanted = _key(data.prompt, data.a, data.b, data.systems)
        if len(self.key) == 0:
            return np.ones(len(wanted))
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        return np.where(self.key[place] == wanted, self.weight[place], 1.0)


def read_weights(study: Study, cells: Cells) -> TaskWeights | None:
    """Return the weights of the study's tasks in the numbers of `cells`; None: all weigh alike."""
    if study.pairing != Study.Pairing.ADAPTIVE:
        return None
    drawn = study.tasks.exclude(chance=None).order_by("pk")
    columns = ("prompt", "system_a", "system_b", "round", "chance")
    prompt, a, b, turn, chance = (
        np.array(list(drawn.values_list(*columns)), dtype=np.float64).reshape(-1, len(columns)).T
    )
    pool = protocol_of(study).task_count(systems=len(cells.systems), prompts=study.prompts.count())
    weight = inverse_chance_weights(turn.astype(np.int64), chance, pool=pool)
    prompts = _numbers(cells.prompts, prompt)
    key = _key(prompts, _numbers(cells.systems, a), _numbers(cells.systems, b), len(cells.systems))
    # A prompt that nobody has judged yet has no number, and its tasks no cells.
    kept = np.flatnonzero(prompts >= 0)
    order = kept[np.argsort(key[kept])]
    return TaskWeights(key=key[order], weight=weight[order])


def _numbers(keys: list[int], wanted: Floats) -> Ints:
    """Return the place of each wanted primary key in `keys`, -1 where it is not there."""
    place = {key: number for number, key in enumerate(keys)}
    return np.array([place.get(int(key), -1) for key in wanted], dtype=np.int64)


def _key(prompt: Ints, a: Ints, b: Ints, systems: int) -> Ints:
    return (prompt * systems + a) * systems + b
