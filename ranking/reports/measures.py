"""What standings are in: the name of the value, its scale, and how it is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from annotation.models import Study
from annotation.protocols import protocol_of
from annotation.protocols.base import Scored
from annotation.protocols.options import Criterion

Row = dict[str, Any]
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A value of standings; `key`, `key_low` and `key_high` are its names in a report."""

    key: str
    title: str
    short: str
    low: float
    high: float
    #: What the values mean, in a sentence.
    note: str = ""
    digits: int = 2
    is_share: bool = False
    #: Where nothing is preferred, if the scale has such a point.
    middle: float | None = None

    def said(self, value: float | None) -> str:
        if value is None:
            return NOTHING
        shown = value * (100 if self.is_share else 1)
        # No "minus nought".
        text = f"{round(shown, self.digits) + 0.0:.{self.digits}f}"
        return text.replace("-", "\N{MINUS SIGN}") + ("%" if self.is_share else "")

    def range(self, row: Row) -> str:
        """Return a row's interval in words; a bound has one end only."""
        low, high = row[f"{self.key}_low"], row[f"{self.key}_high"]
        if low is None:
            return NOTHING
        if row.get("bound") == "lower":
            return f"at least {self.said(low)}"
        if row.get("bound") == "upper":
            return f"at most {self.said(high)}"
        between = " to " if self.low < 0 else " \N{EN DASH} "
        return f"{self.said(low)}{between}{self.said(high)}"


WIN_RATE = Measure(
    key="win_rate", title="Win rate", short="Win rate", low=0, high=1, digits=1, is_share=True,
    middle=0.5, note="Expected share of wins against the other systems, a tie counting half.",
)  # fmt: skip
BEST_WORST = Measure(
    key="win_rate", title="Win rate", short="Win rate", low=0, high=1, digits=1, is_share=True,
    middle=0.5,
    note="Expected share of rankings in which the system stands above another, over the others.",
)  # fmt: skip
CMOS = Measure(
    key="cmos", title="Comparison mean opinion score", short="CMOS", low=-3, high=3, middle=0,
    note="Expected score against the other systems, from \N{MINUS SIGN}3, much worse, to +3, much "
    "better.",
)  # fmt: skip
MUSHRA = Measure(
    key="mos", title="Mean score", short="Mean", low=0, high=100, digits=1,
    note="From 0, bad, to 100, excellent.",
)  # fmt: skip
OVERALL = Measure(
    key="mos", title="All criteria", short="Overall", low=0, high=100, digits=1,
    note="In percent of the way from the lowest point of each criterion's scale to the highest "
    "(Cohen, Cohen, Aiken and West, 1999), each criterion weighing the same. Read it beside the "
    "criteria: another weight gives another number.",
)  # fmt: skip
PREFERENCE = Measure(
    key="preference", title="Mean preference", short="Preference", low=-4, high=4, middle=0,
    note="Expected strength of preference over the other systems, from \N{MINUS SIGN}4, the others "
    "are much better, "
    "to +4; a tie is 0. Steps are taken to be equally far apart.",
)  # fmt: skip
_BY_NAME = {
    "pairwise": WIN_RATE,
    "ccr": CMOS,
    "mushra": MUSHRA,
    "likert": OVERALL,
    "best_worst": BEST_WORST,
}
_TITLES = {
    "mos": ("Mean opinion score", "MOS", ""),
    "dcr": ("Mean degradation score", "DMOS", "Compared with the reference: "),
}


def measure_for(study: Study) -> Measure:
    """Return what a study's standings are in; a protocol of plain scores has that of its words."""
    protocol = protocol_of(study)
    if isinstance(protocol, Scored):
        return _scored(study.protocol, protocol.words)
    return _BY_NAME[study.protocol]


def _scored(name: str, words: tuple[str, ...]) -> Measure:
    title, short, lead = _TITLES.get(name, ("Mean score", "Mean", ""))
    note = f"{lead}from 1, {words[0].lower()}, to {len(words)}, {words[-1].lower()}."
    return Measure(
        key="mos",
        title=title,
        short=short,
        low=1,
        high=len(words),
        note=note[:1].upper() + note[1:],
    )


def measure_of_criterion(criterion: Criterion) -> Measure:
    words = criterion.words
    return Measure(
        key="mos", title=criterion.label, short="Mean", low=1, high=len(words),
        note=f"From 1, {words[0].lower()}, to {len(words)}, {words[-1].lower()}.",
    )  # fmt: skip


def measure_of(part: Row) -> Measure:
    """Return what a report's, or a part's, standings are in.

    A report that was kept before reports said so is one of win rates or of mean opinion scores.
    """
    if "measure" in part:
        return Measure(**part["measure"])
    name = part.get("protocol")
    return WIN_RATE if name == "pairwise" else _scored(str(name), ("Bad", "", "", "", "Excellent"))


def stored(measure: Measure) -> Row:
    return asdict(measure)
