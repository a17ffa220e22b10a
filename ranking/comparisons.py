"""The one bridge from judgments to arrays: GROUP BY in the database, numbers and labels here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from django.db.models import Count

from annotation.models import Judgment, JudgmentQuerySet, Study
from generation.models import System
from ranking.stats.counts import A_WINS, B_WINS, BOTH_BAD, TIE, Comparisons, Floats
from ranking.stats.mos import SCORES, Ratings

OUTCOMES = {
    Judgment.Verdict.A: A_WINS,
    Judgment.Verdict.B: B_WINS,
    Judgment.Verdict.TIE: TIE,
    Judgment.Verdict.BOTH_BAD: BOTH_BAD,
}


@dataclass(frozen=True, kw_only=True)
class PairwiseData:
    """A study's judgments as counts; entry i of `systems` is system i of the arrays."""

    systems: list[System]
    comparisons: Comparisons
    #: Decisive judgments whose left side is known, and those that chose it.
    sided: int
    left_won: int


@dataclass(frozen=True, kw_only=True)
class MosData:
    systems: list[System]
    ratings: Ratings


def counted(study: Study, *, with_excluded: bool = False) -> JudgmentQuerySet:
    """Return the judgments that count: not superseded, and not excluded unless asked for."""
    judgments: JudgmentQuerySet = study.judgments.current().order_by()
    return judgments if with_excluded else judgments.included()


def systems_of(study: Study) -> list[System]:
    return list(study.systems.order_by("study_systems__position"))


def pairwise_data(study: Study, *, with_excluded: bool = False) -> PairwiseData:
    systems = systems_of(study)
    number = {system.pk: i for i, system in enumerate(systems)}
    rows = list(
        counted(study, with_excluded=with_excluded)
        .values_list("rater", "task__system_a", "task__system_b", "verdict", "left")
        .annotate(count=Count("pk"))
    )
    raters = {rater: i for i, rater in enumerate(sorted({row[0] for row in rows}))}
    decisive = [row for row in rows if row[3] in ("a", "b") and row[4]]
    return PairwiseData(
        systems=systems,
        comparisons=Comparisons(
            systems=len(systems),
            raters=len(raters),
            rater=_ints([raters[row[0]] for row in rows]),
            a=_ints([number[row[1]] for row in rows]),
            b=_ints([number[row[2]] for row in rows]),
            outcome=_ints([OUTCOMES[Judgment.Verdict(row[3])] for row in rows]),
            count=_ints([row[5] for row in rows]),
        ),
        sided=sum(row[5] for row in decisive),
        left_won=sum(row[5] for row in decisive if row[3] == row[4]),
    )


def mos_data(study: Study, *, with_excluded: bool = False) -> MosData:
    systems = systems_of(study)
    number = {system.pk: i for i, system in enumerate(systems)}
    rows = list(
        counted(study, with_excluded=with_excluded)
        .values_list("rater", "task__system_a", "score")
        .annotate(count=Count("pk"))
    )
    raters = {rater: i for i, rater in enumerate(sorted({row[0] for row in rows}))}
    return MosData(
        systems=systems,
        ratings=Ratings(
            systems=len(systems),
            raters=len(raters),
            rater=_ints([raters[row[0]] for row in rows]),
            system=_ints([number[row[1]] for row in rows]),
            score=_ints([row[2] for row in rows]),
            count=_ints([row[3] for row in rows]),
        ),
    )


def value_counts(study: Study) -> Floats:
    """Return [task, value]: how often each verdict, or each score, was given to a task."""
    is_pairwise = study.protocol == Study.Protocol.PAIRWISE
    column = "verdict" if is_pairwise else "score"
    rows = list(counted(study).values_list("task", column).annotate(count=Count("pk")))
    tasks = {task: i for i, task in enumerate(sorted({row[0] for row in rows}))}
    table = np.zeros((len(tasks), len(OUTCOMES) if is_pairwise else SCORES))
    for task, value, count in rows:
        place = OUTCOMES[Judgment.Verdict(value)] if is_pairwise else value - 1
        table[tasks[task], place] = count
    return table


def repeats(study: Study) -> int:
    """Return how many judgments are a rater's second or later one of the same task."""
    judgments = counted(study)
    distinct = judgments.values("rater", "task").distinct().count()
    return judgments.count() - distinct


def _ints(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)
