"""How strongly raters preferred, beside whom: the four steps of a pairwise study."""

from __future__ import annotations

from typing import Any

import numpy as np

from annotation.protocols.pairwise import STEPS, Pairwise
from ranking.comparisons import StudyCells, scored_pairs
from ranking.reports.line import fitted_lines, line_standings, pair_rows
from ranking.reports.measures import PREFERENCE, stored
from ranking.reports.options import Options
from ranking.rollups import OUTCOMES, Cells
from ranking.stats.counts import A_WINS, B_WINS, SIDE, Floats

Row = dict[str, Any]


def strength_row(cells: StudyCells, options: Options) -> Row | None:
    """Return how strong preferences were: each pair's distribution, and places by least squares.

    None where it was not asked, or nobody has said. A tie, and a judgment that both are bad, is
    no preference; preferences without a strength (imported) are left out and counted.
    """
    if not Pairwise.of(cells.study).strength:
        return None
    answers = cells.answers(part=options.part)
    outcome = answers.column("answer") % len(OUTCOMES)
    is_decided = (outcome == A_WINS) | (outcome == B_WINS)
    step = answers.column("question")
    whole = step == 0
    counted = answers.only(~(whole & is_decided))
    stated = int(counted.rows["count"][counted.rows["question"] > 0].sum())
    if stated == 0:
        return None
    score = _score(counted)
    left = counted.column("answer") // len(OUTCOMES)
    pairs = scored_pairs(counted, score=score, second=-SIDE[left].astype(np.int64), room=len(STEPS))
    lines = fitted_lines(cells, pairs, options)
    return {
        "measure": stored(PREFERENCE),
        "steps": list(STEPS),
        "judgments": counted.total,
        "without": int(answers.rows["count"][whole & is_decided].sum()) - stated,
        "standings": line_standings(lines, PREFERENCE),
        "groups": [[system.slug for system in line.systems] for line in lines],
        "scored_pairs": pair_rows(cells, counted, score, lines, options),
    }


def _score(counted: Cells) -> Floats:
    """Return a's preference over b: the step, with b's sign where b won; 0 for ties."""
    outcome = counted.column("answer") % len(OUTCOMES)
    sign = np.where(outcome == B_WINS, -1.0, 1.0)
    return sign * counted.column("question")
