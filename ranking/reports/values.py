"""What agreement is measured on: which value each judgment gave to which task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annotation.protocols import protocol_of
from annotation.protocols.base import Scored
from annotation.protocols.likert import Likert
from ranking.comparisons import StudyCells, choices
from ranking.reports.scores import BANDS, slider_scores
from ranking.rollups import OUTCOMES, Cells
from ranking.stats.counts import Ints

#: With more systems the best of a group is not compared among raters: the tables would be huge.
MOST_SYSTEMS = 40


@dataclass(frozen=True, kw_only=True)
class Values:
    """Cells and their values [cells] from 0 to `values` - 1; the first `decisive` are no ties."""

    cells: Cells
    value: Ints
    values: int
    metric: str
    decisive: int = 0
    #: What two judgments have in common when they agree, and when nearly so.
    same: str = "Same score"
    near: str = "Within one"


#: Takes all answers of some raters; None: there is nothing to compare.
Reader = Callable[[Cells], Values | None]


def reader(cells: StudyCells) -> Reader:
    """Return what reads the values that agreement of a study is measured on."""
    study = cells.study
    protocol = protocol_of(study)
    if isinstance(protocol, Scored):
        return points_of(0, len(protocol.words))
    # Several criteria have no agreement in common; each has its own.
    return _nothing if isinstance(protocol, Likert) else _READERS.get(study.protocol, _nothing)


def verdicts_of(question: int) -> Reader:
    def read(answers: Cells) -> Values:
        cells = answers.of_question(question)
        return Values(
            cells=cells,
            value=cells.column("answer") % len(OUTCOMES),
            values=len(OUTCOMES),
            metric="nominal",
            decisive=2,
            same="Same verdict",
            near="Neither a tie",
        )

    return read


def points_of(question: int, points: int) -> Reader:
    def read(answers: Cells) -> Values:
        cells = answers.of_question(question)
        return Values(
            cells=cells, value=cells.column("answer") - 1, values=points, metric="ordinal"
        )

    return read


def _nothing(answers: Cells) -> None:
    return None


def _ccr(answers: Cells) -> Values:
    cells = answers.only(answers.rows["a"] != answers.rows["b"])
    return Values(cells=cells, value=cells.column("answer") % 7, values=7, metric="ordinal")


def _mushra(answers: Cells) -> Values:
    """Take each system's score on a prompt by the band of the scale that it is in."""
    cells = answers.only(answers.rows["a"] < len(answers.systems))
    # A task is a system on a prompt here, whatever its place on the screen was.
    rows = cells.rows[np.lexsort([cells.rows["a"], cells.rows["prompt"]])]
    cells = Cells(prompts=cells.prompts, raters=cells.raters, systems=cells.systems, rows=rows)
    return Values(
        cells=cells,
        value=slider_scores(cells).bin,
        values=BANDS,
        metric="ordinal",
        same="Same band",
        near="Within one band",
    )


def _best(answers: Cells) -> Values | None:
    """Take which system was the best of its group."""
    if len(answers.systems) > MOST_SYSTEMS:
        return None
    data = choices(answers)
    return Values(
        cells=answers,
        value=data.ranked[data.kind, 0],
        values=len(answers.systems),
        metric="nominal",
        same="Same best",
        near="",
    )


_READERS: dict[str, Reader] = {
    "pairwise": verdicts_of(0),
    "ccr": _ccr,
    "mushra": _mushra,
    "best_worst": _best,
}
