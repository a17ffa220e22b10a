"""Differences of systems' mean scores, paired by prompt, with Holm's correction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ranking.stats.counts import Floats, Ints
from ranking.stats.mean_intervals import contrasts, room_of_differences, room_of_means
from ranking.stats.means import clustered_means
from ranking.stats.mos import ALL_PAIRS_UP_TO
from ranking.stats.ratings import Ratings

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """`first` minus `second` over the prompts that both were judged on, each prompt alike.

    `low`, `high`, `p` and `p_holm` are None where only one rater judged one of them there.
    """

    first: int
    second: int
    value: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    prompts: int


def paired_differences(
    ratings: Ratings, order: Ints, *, rng: np.random.Generator, level: float = 0.95
) -> list[Difference]:
    """Return the differences of pairs in `order` (systems, best first), the better one first.

    Beyond 20 systems each is compared with the first only.
    A prompt's value is the mean of its judgments. Errors are clustered by rater and prompt, so
    what a rater or a prompt does to both systems cancels out. Pairs without a prompt in common
    are left out. `p_holm` is adjusted for all pairs that are returned (Holm, 1979).
    """
    given = ratings.summed(ratings.prompt, ratings.prompts, ratings.count)
    alike: dict[bytes, list[Pair]] = {}
    for first, second in _pairs(order):
        shared = (given[:, first] > 0) & (given[:, second] > 0)
        if shared.any():
            alike.setdefault(shared.tobytes(), []).append((first, second))
    weighted = ratings.count / given[ratings.prompt, ratings.system]
    found = [
        difference
        for shared, pairs in alike.items()
        for difference in _compared(
            ratings, weighted, np.frombuffer(shared, dtype=bool), pairs, level, rng
        )
    ]
    return _with_holm(sorted(found, key=lambda d: _place(order, d)))


@dataclass(frozen=True, kw_only=True)
class Departure:
    """A mean that would be 0 if there were no difference; ends and p as in `Difference`."""

    value: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    judgments: int


def departures(
    ratings: Ratings, *, rng: np.random.Generator, level: float = 0.95
) -> list[Departure]:
    """Return the mean scores of what was rated (pairs, say), each tested against 0.

    Errors are clustered by rater and prompt. Intervals end at the scale's ends; `p_holm` is
    adjusted for all of them (Holm, 1979). Raises `NotEnoughData` for one without judgments.
    """
    found = clustered_means(ratings, ratings.count)
    size = len(found.mean)
    low = high = p = np.zeros(size)
    enough = found.raters > 1
    if found.cov is not None:
        room = room_of_means(found.mean, ratings.scale)
        known = contrasts(found, found.cov, np.eye(size), room, level=level, rng=rng)
        low = np.maximum(found.mean - known.half_width, ratings.scale.low)
        high = np.minimum(found.mean + known.half_width, ratings.scale.high)
        p = known.tails(found.mean)
    adjusted = np.ones(size)
    adjusted[enough] = holm(p[enough])
    judgments = ratings.judgments.tolist()
    return [
        Departure(
            value=float(found.mean[k]),
            low=float(low[k]) if enough[k] else None,
            high=float(high[k]) if enough[k] else None,
            p=float(p[k]) if enough[k] else None,
            p_holm=float(adjusted[k]) if enough[k] else None,
            judgments=judgments[k],
        )
        for k in range(size)
    ]


def holm(p: Floats) -> Floats:
    """Return p-values adjusted so that they hold all at once (Holm, 1979)."""
    order = np.argsort(p, kind="stable")
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _pairs(order: Ints) -> list[Pair]:
    systems = [int(s) for s in order]
    if len(systems) > ALL_PAIRS_UP_TO:
        return [(systems[0], other) for other in systems[1:]]
    return list(combinations(systems, 2))


def _place(order: Ints, difference: Difference) -> Pair:
    systems = order.tolist()
    return systems.index(difference.first), systems.index(difference.second)


def _compared(
    ratings: Ratings,
    weighted: Floats,
    shared: NDArray[np.bool_],
    pairs: list[Pair],
    level: float,
    rng: np.random.Generator,
) -> list[Difference]:
    """Compare pairs of systems on the prompts that each of these pairs shares."""
    systems = np.unique(pairs)
    part, weight = ratings.of(systems, shared), weighted[ratings.within(systems, shared)]
    found = clustered_means(part, weight)
    matrix = np.zeros((len(pairs), len(systems)))
    rows = np.arange(len(pairs))
    first, second = np.searchsorted(systems, np.array(pairs)).T
    matrix[rows, first], matrix[rows, second] = 1, -1
    values = matrix @ found.mean
    enough = (found.raters[first] > 1) & (found.raters[second] > 1)
    low = high = p = np.zeros(len(pairs))
    if found.cov is not None:
        room = room_of_differences(values, ratings.scale)
        known = contrasts(found, found.cov, matrix, room, level=level, rng=rng)
        low, high = values - known.half_width, values + known.half_width
        p = known.tails(values)
    return [
        Difference(
            first=pair[0],
            second=pair[1],
            value=float(values[k]),
            low=float(low[k]) if enough[k] else None,
            high=float(high[k]) if enough[k] else None,
            p=float(p[k]) if enough[k] else None,
            p_holm=None,
            prompts=int(shared.sum()),
        )
        for k, pair in enumerate(pairs)
    ]


def _with_holm(found: list[Difference]) -> list[Difference]:
    known = [(k, d.p) for k, d in enumerate(found) if d.p is not None]
    adjusted = holm(np.array([p for _, p in known]))
    for (k, _), p in zip(known, adjusted, strict=True):
        found[k] = replace(found[k], p_holm=float(p))
    return found
