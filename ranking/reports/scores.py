"""Where a report's scores come from: which cells, on which scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotation.protocols import protocol_of
from annotation.protocols.base import Scored
from annotation.protocols.likert import Likert
from annotation.protocols.parts import HIGHEST
from ranking.comparisons import StudyCells
from ranking.numbering import REFERENCE
from ranking.reports.options import Options
from ranking.rollups import Cells
from ranking.stats.counts import Floats, Ints
from ranking.stats.ratings import Scale

#: The bands of a slider's scale, in which its scores are counted.
BANDS = 5
SLIDER = Scale(low=0, high=HIGHEST)
SHARES = Scale(low=0, high=100, is_whole=False)


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Cells with their scores [cells]; `bin` says which bar of a histogram each is in."""

    cells: Cells
    score: Ints | Floats
    scale: Scale
    bin: Ints
    bins: list[str]


def scores_of(cells: StudyCells, options: Options, *, with_excluded: bool = False) -> Scores:
    """Return what a study's systems are ranked by, where single outputs get scores."""
    answers = cells.answers(part=options.part, with_excluded=with_excluded)
    protocol = protocol_of(cells.study)
    if isinstance(protocol, Likert):
        return _of_all_criteria(answers, protocol)
    if isinstance(protocol, Scored):
        return _on_points(answers.of_question(0), len(protocol.words))
    return slider_scores(answers.only(answers.rows["a"] < len(cells.systems)))


def scores_by(cells: StudyCells, options: Options, question: int, points: int) -> Scores:
    """Return the scores by one criterion."""
    return _on_points(cells.answers(part=options.part).of_question(question), points)


def extra_scores(cells: StudyCells, options: Options, number: int) -> Scores:
    """Return the scores of an extra place of each group: the hidden reference is number 0."""
    answers = cells.answers(part=options.part)
    found = slider_scores(answers.only(answers.rows["a"] == REFERENCE - number))
    rows = found.cells.rows.copy()
    rows["a"] = 0
    return Scores(
        cells=Cells(
            prompts=answers.prompts, raters=answers.raters, systems=answers.systems[:1], rows=rows
        ),
        score=found.score,
        scale=found.scale,
        bin=found.bin,
        bins=found.bins,
    )


def slider_scores(cells: Cells) -> Scores:
    score = cells.column("answer")
    width = HIGHEST // BANDS
    ends = [(width * i, width * (i + 1) - 1) for i in range(BANDS - 1)]
    return Scores(
        cells=cells,
        score=score,
        scale=SLIDER,
        bin=np.minimum(score // width, BANDS - 1),
        bins=[f"{low}\N{EN DASH}{high}" for low, high in [*ends, (HIGHEST - width, HIGHEST)]],
    )


def _on_points(cells: Cells, points: int) -> Scores:
    score = cells.column("answer")
    return Scores(
        cells=cells,
        score=score,
        scale=Scale(low=1, high=points),
        bin=score - 1,
        bins=[str(point) for point in range(1, points + 1)],
    )


def _of_all_criteria(cells: Cells, protocol: Likert) -> Scores:
    """Put every criterion's scores on one scale: percent of its own."""
    points = np.array([len(criterion.words) for criterion in protocol.criteria])
    steps = points[cells.column("question")] - 1
    score = 100 * (cells.column("answer") - 1) / steps
    return Scores(
        cells=cells, score=score, scale=SHARES, bin=np.zeros(len(score), dtype=np.int64), bins=[]
    )
