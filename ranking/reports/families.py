"""Which part of a report each protocol has: what is said of it all, and its standings alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from annotation.models import Study
from annotation.protocols import protocol_of
from annotation.protocols.base import Scored
from ranking.comparisons import StudyCells
from ranking.reports.best_worst import best_worst_part, best_worst_standings
from ranking.reports.ccr import ccr_part, ccr_standings
from ranking.reports.mos import mos_part, mos_standings
from ranking.reports.options import Options
from ranking.reports.pairwise import pairwise_part, pairwise_standings
from ranking.reports.plain import plain_part

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Family:
    """`standings(cells, options, with_excluded=...)` is None where nothing is ranked."""

    part: Callable[[StudyCells, Options], Row]
    standings: Callable[..., list[Row]] | None


_SCORES = Family(part=mos_part, standings=mos_standings)
_PLAIN = Family(part=plain_part, standings=None)
_FAMILIES = {
    "pairwise": Family(part=pairwise_part, standings=pairwise_standings),
    "ccr": Family(part=ccr_part, standings=ccr_standings),
    "mushra": _SCORES,
    "likert": _SCORES,
    "best_worst": Family(part=best_worst_part, standings=best_worst_standings),
}


def family_of(study: Study) -> Family:
    """Return a protocol's family: plain scores are known as such, whatever their words."""
    if isinstance(protocol_of(study), Scored):
        return _SCORES
    return _FAMILIES.get(study.protocol, _PLAIN)
