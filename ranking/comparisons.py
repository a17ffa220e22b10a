"""The one bridge from judgments to arrays: which judgments count, and what numbers stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.models import Exclusion, Judgment, JudgmentQuerySet, Study
from annotation.protocols.best_worst import FEWEST, MOST, RADIX
from generation.models import System
from ranking.numbering import HALF
from ranking.rollups import OUTCOMES, Cells, less, read_cells
from ranking.stats.choices import Choices
from ranking.stats.counts import Comparisons, Floats, Ints, renumbered, tally
from ranking.stats.group_numbers import systems_of_groups
from ranking.stats.linear import ScoredPairs
from ranking.stats.ratings import ACR, Ratings, Scale
from ranking.weights import TaskWeights, read_weights

#: How many best-worst answers have numbers of their own.
ANSWERS = math.prod(RADIX)
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of a study's judgments: by prompt category, rater group or time; empty: all."""

    category: str = ""
    group: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_whole(self) -> bool:
        return self == Slice()

    def in_words(self) -> str:
        parts = [
            f"prompts of category {self.category}" if self.category else "",
            f"raters of group {self.group}" if self.group else "",
            f"judged since {self.since:%Y-%m-%d}" if self.since else "",
            f"judged until {self.until:%Y-%m-%d}" if self.until else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What the numbers of prompts and raters stand for; all lists are by number."""

    rater_names: list[str]
    groups: list[str]
    categories: list[str]
    #: Automated judges: compared with people, never in the fit.
    judges: set[int] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class StudyCells:
    """A study's judgments as cells, read once; every figure of a report comes from here."""

    study: Study
    systems: list[System]
    labels: Labels
    #: All judgments that stand, and those of them that count, both with automated judges: each
    #: once, as question 0 has it.
    everything: Cells
    included: Cells
    #: The same, with all questions of the form.
    all_answers: Cells
    answers_included: Cells
    #: Of the judgments of an adaptive study; None: all weigh the same.
    weights: TaskWeights | None = None

    def people(self, *, with_excluded: bool = False, part: Slice | None = None) -> Cells:
        """Return what people judged in this part of the study."""
        cells = self._by_people_with_excluded if with_excluded else self._by_people
        if part is None or part.is_whole:
            return cells
        return cells.only(self._within(cells, part))

    def answers(self, *, part: Slice, with_excluded: bool = False) -> Cells:
        """Return what people answered to all questions, in this part of the study."""
        cells = self._without_judges(self.all_answers if with_excluded else self.answers_included)
        return cells if part.is_whole else cells.only(self._within(cells, part))

    @cached_property
    def _by_people(self) -> Cells:
        return self._without_judges(self.included)

    @cached_property
    def _by_people_with_excluded(self) -> Cells:
        return self._without_judges(self.everything)

    def _without_judges(self, cells: Cells) -> Cells:
        judges = self.labels.judges
        if not judges:
            return cells
        return cells.only(~_listed(cells.rows["rater"], judges, len(cells.raters)))

    def of_judge(self, judge: int) -> Cells:
        """Return what an automated judge answered to all questions."""
        answers = self.answers_included
        return answers.only(answers.rows["rater"] == judge)

    def _within(self, cells: Cells, part: Slice) -> NDArray[np.bool_]:
        kept = np.ones(len(cells.rows), dtype=bool)
        if part.category:
            chosen = np.array([c == part.category for c in self.labels.categories] or [False])
            kept &= chosen[cells.rows["prompt"]]
        if part.group:
            chosen = np.array([g == part.group for g in self.labels.groups] or [False])
            kept &= chosen[cells.rows["rater"]]
        if part.since:
            kept &= cells.rows["day"] >= max((part.since - EPOCH).days, 0)
        if part.until:
            kept &= cells.rows["day"] <= max((part.until - EPOCH).days, 0)
        return kept


def read_study(study: Study) -> StudyCells:
    """Read a study's cells, take out what is excluded, and name what is left."""
    in_force = Exclusion.objects.filter(study=study, lifted_at=None)
    raters = set(in_force.filter(judgment=None).values_list("rater", flat=True))
    single: JudgmentQuerySet = Judgment.objects.filter(
        pk__in=in_force.filter(judgment__isnull=False).values("judgment")
    )
    everything, labels = _named(study, read_cells(study))
    included = less(study, everything, single) if single.exists() else everything
    out = {number for number, pk in enumerate(included.raters) if pk in raters}
    if out:
        included = included.only(~_listed(included.rows["rater"], out, len(included.raters)))
    return StudyCells(
        study=study,
        systems=systems_of(study),
        labels=labels,
        everything=everything.of_question(0),
        included=included.of_question(0),
        all_answers=everything,
        answers_included=included,
        weights=read_weights(study, everything),
    )


def systems_of(study: Study) -> list[System]:
    return list(study.systems.order_by("study_systems__position"))


def _named(study: Study, cells: Cells) -> tuple[Cells, Labels]:
    """Number the raters by name, so that the order of judgments does not matter to any draw."""
    number = {pk: i for i, pk in enumerate(cells.raters)}
    raters = study.raters.order_by("name").values_list("pk", "name", "group", "is_judge")
    named = [row for row in raters if row[0] in number]
    categories = dict(study.prompt_set.prompts.values_list("pk", "category"))
    place = np.zeros(len(number), dtype=np.uint32)
    place[[number[row[0]] for row in named]] = np.arange(len(named))
    rows = cells.rows.copy()
    rows["rater"] = place[rows["rater"]]
    labels = Labels(
        rater_names=[name for _, name, _, _ in named],
        groups=[group for _, _, group, _ in named],
        categories=[categories.get(pk, "") for pk in cells.prompts],
        judges={i for i, row in enumerate(named) if row[3]},
    )
    return replace(cells, raters=[row[0] for row in named], rows=rows), labels


def _listed(numbers: NDArray[Any], chosen: set[int], limit: int) -> NDArray[np.bool_]:
    """Return which of the numbers are in the set."""
    table = np.zeros(max(limit, 1), dtype=bool)
    table[sorted(chosen)] = True
    return np.asarray(table[numbers])


def comparisons(cells: Cells) -> Comparisons:
    """Return pairwise cells for the statistics; days are forgotten, all else keeps its number."""
    answer = cells.column("answer")
    return Comparisons(
        systems=len(cells.systems),
        raters=len(cells.raters),
        prompts=len(cells.prompts),
        rater=cells.column("rater"),
        prompt=cells.column("prompt"),
        a=cells.column("a"),
        b=cells.column("b"),
        left=answer // len(OUTCOMES),
        outcome=answer % len(OUTCOMES),
        count=cells.column("count"),
    )


def ratings(
    cells: Cells, *, scale: Scale = ACR, score: Floats | Ints | None = None, of: Ints | None = None
) -> Ratings:
    """Return scores for the statistics, raters and prompts numbered without gaps.

    `score` [cells] is the answer where nothing else is said, and `of` [cells] what was judged:
    a system.
    """
    rater, raters = renumbered(cells.column("rater"), len(cells.raters))
    prompt, prompts = renumbered(cells.column("prompt"), len(cells.prompts))
    return Ratings(
        systems=len(cells.systems) if of is None else int(of.max(initial=-1)) + 1,
        raters=raters,
        prompts=prompts,
        rater=rater,
        prompt=prompt,
        system=cells.column("a") if of is None else of,
        score=cells.column("answer") if score is None else score,
        count=cells.column("count"),
        scale=scale,
    )


def scored_pairs(cells: Cells, *, score: Floats, second: Ints, room: float) -> ScoredPairs:
    """Return pairs with a score for the statistics; see `ScoredPairs` for what is by cell."""
    return ScoredPairs(
        systems=len(cells.systems),
        rater=cells.column("rater"),
        prompt=cells.column("prompt"),
        a=cells.column("a"),
        b=cells.column("b"),
        second=second,
        score=score,
        count=cells.column("count"),
        room=room,
    )


def choices(cells: Cells) -> Choices:
    """Return best-worst cells for the statistics: their groups, by number, are systems again."""
    code = (cells.column("a") * HALF + cells.column("b")) * ANSWERS + cells.column("answer")
    codes, kind = np.unique(code, return_inverse=True)
    group, answer = codes // ANSWERS, codes % ANSWERS
    more, best, worst = np.unravel_index(answer, RADIX)
    ranked = np.full((len(codes), MOST), -1, dtype=np.int64)
    for size in range(FEWEST, MOST + 1):
        rows = np.flatnonzero(more == size - FEWEST)
        shown = systems_of_groups(group[rows], size=size, systems=len(cells.systems))
        ranked[rows, :size] = _ranked(shown, best[rows], worst[rows])
    return Choices(
        systems=len(cells.systems),
        ranked=ranked,
        kind=kind,
        rater=cells.column("rater"),
        prompt=cells.column("prompt"),
        count=cells.column("count"),
    )


def _ranked(shown: Ints, best: Ints, worst: Ints) -> Ints:
    """Put the best first and the worst last of `shown` [kinds, size]."""
    place = np.arange(shown.shape[1])
    key = np.where(place == best[:, None], -1, place)
    key = np.where(place == worst[:, None], shown.shape[1], key)
    return np.take_along_axis(shown, np.argsort(key, axis=1), axis=1)


def task_numbers(cells: Cells) -> Ints:
    """Return a number for each cell's task, from 0; cells of a task stand together."""
    rows = cells.rows
    if len(rows) == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.zeros(len(rows), dtype=np.int64)
    for name in ("prompt", "a", "b"):
        starts[1:] |= rows[name][1:] != rows[name][:-1]
    return np.cumsum(starts)


def task_keys(cells: Cells) -> Ints:
    """Return a key for each cell's task, the same in all cells of a study."""
    return (cells.column("prompt") * HALF + cells.column("a")) * HALF + cells.column("b")


def value_counts(cells: Cells, value: Ints, *, values: int, task: Ints, tasks: int) -> Floats:
    """Return [task, value]: how often each of 0 to `values` - 1 was given to a task."""
    table = tally(task * values + value, cells.rows["count"], tasks * values)
    return table.reshape(tasks, values)


def repeats(cells: Cells) -> int:
    """Return how many judgments are a rater's second or later one of the same task."""
    rows = cells.rows
    if len(rows) == 0:
        return 0
    is_new = np.ones(len(rows), dtype=bool)
    is_new[1:] = False
    for name in ("prompt", "a", "b", "rater"):
        is_new[1:] |= rows[name][1:] != rows[name][:-1]
    return cells.total - int(is_new.sum())
