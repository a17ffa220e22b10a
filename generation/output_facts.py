"""What a researcher should know of outputs before raters see them: lengths, cuts, duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q
from django.db.models.functions import Length

from generation.models import Output, OutputQuerySet, System
from generation.refusals import PATTERN

_COUNTS = {
    "done": Q(state=Output.State.DONE),
    "unfinished": Q(state__in=[Output.State.PENDING, Output.State.RUNNING]),
    "failed": Q(state=Output.State.FAILED),
    "cut": Q(state=Output.State.DONE, finish_reason=Output.Finish.LENGTH),
    "empty": Q(state=Output.State.DONE, text="", media=None),
    "refusals": Q(state=Output.State.DONE, text__iregex=PATTERN),
}


@dataclass(frozen=True, kw_only=True)
class OutputFacts:
    """One system's outputs in numbers; lengths are characters, at 10, 50 and 90 % of them."""

    system: System
    done: int
    unfinished: int
    failed: int
    cut: int
    empty: int
    refusals: int
    #: Outputs whose text another output of the system has, for another prompt.
    duplicates: int
    lengths: tuple[int, int, int] | None


def facts_of(outputs: OutputQuerySet, systems: Iterable[System]) -> list[OutputFacts]:
    """Return each system's facts, in the order of `systems`; three queries, whatever the size."""
    rows = outputs.order_by().values("system")
    counted = rows.annotate(**{name: Count("pk", filter=which) for name, which in _COUNTS.items()})
    counts = {
        system: dict(zip(_COUNTS, numbers, strict=True))
        for system, *numbers in counted.values_list("system", *_COUNTS)
    }
    nothing = dict.fromkeys(_COUNTS, 0)
    different = dict(
        rows.filter(state=Output.State.DONE)
        .annotate(different=Count("text_hash", distinct=True))
        .values_list("system", "different")
    )
    lengths = _lengths(outputs)
    return [
        OutputFacts(
            system=system,
            **{name: count[name] for name in _COUNTS},
            duplicates=count["done"] - different.get(system.pk, 0),
            lengths=_spread(lengths[system.pk]),
        )
        for system in systems
        for count in [counts.get(system.pk, nothing)]
    ]


def _lengths(outputs: OutputQuerySet) -> dict[int, list[int]]:
    """Return the sorted lengths of the texts by system, without the texts themselves."""
    texts = outputs.done().exclude(text="").order_by().annotate(length=Length("text"))
    lengths: dict[int, list[int]] = defaultdict(list)
    for system, length in texts.values_list("system", "length").iterator():
        lengths[system].append(length)
    return defaultdict(list, {system: sorted(found) for system, found in lengths.items()})


def _spread(lengths: Sequence[int]) -> tuple[int, int, int] | None:
    if not lengths:
        return None
    low, middle, high = (lengths[round(q * (len(lengths) - 1))] for q in (0.1, 0.5, 0.9))
    return low, middle, high
