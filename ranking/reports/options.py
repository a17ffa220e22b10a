"""How a report is to be made."""

from __future__ import annotations

from dataclasses import dataclass, field

from ranking.comparisons import Slice

LEVEL = 0.95
#: Differences of win rates below that are of no interest, unless said otherwise.
MARGIN = 0.05


@dataclass(frozen=True, kw_only=True)
class Options:
    """All that changes the numbers of a report; each is stated in it."""

    seed: int = 0
    level: float = LEVEL
    #: `half`: a tie is half a win; `davidson`: ties have a probability of their own.
    ties: str = "half"
    #: No rater has more than this share of the weight; None: all judgments weigh the same.
    cap: float | None = None
    #: Adjust win rates for length and Markdown style as well.
    adjust: bool = False
    margin: float = MARGIN
    part: Slice = field(default_factory=Slice)
