"""How far judgments of the same task agree: Krippendorff's alpha, and raw shares.

All is in closed form from how often each value was given to each task, with a bootstrap by task:
what tasks are asked about is the chance that the intervals speak of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from ranking.stats.counts import Floats
from ranking.stats.exceptions import ImpossibleData
from ranking.stats.resampling import Resampled, TaskBootstrap

#: Takes values [v] and totals [..., v]; returns how far values are apart, squared, [..., v, w].
Metric = Callable[[Floats, Floats], Floats]


def nominal(values: Floats, totals: Floats) -> Floats:
    """Return 0 for equal values, else 1."""
    return np.asarray((values[:, None] != values[None, :]).astype(float))


def ordinal(values: Floats, totals: Floats) -> Floats:
    """Return the squared number of judgments that lie between, half of each value's own."""
    middle = np.cumsum(totals, axis=-1) - totals / 2
    return np.asarray((middle[..., :, None] - middle[..., None, :]) ** 2)


def interval(values: Floats, totals: Floats) -> Floats:
    """Return the squared difference."""
    return np.asarray((values[:, None] - values[None, :]) ** 2)


METRICS: Mapping[str, Metric] = {"nominal": nominal, "ordinal": ordinal, "interval": interval}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What was found on `tasks` tasks; None where the judgments do not say it.

    `alphas`: Krippendorff's by the name of the metric; empty without tasks. `share`: how often two
    judgments of a task are the same. `decisive_share`: the same where both are among the decisive
    values. `near_share`: how often they are no more than one value apart.
    """

    alphas: dict[str, Resampled | None]
    share: Resampled | None
    decisive_share: Resampled | None
    near_share: Resampled | None
    tasks: int


_NOTHING = Agreement(alphas={}, share=None, decisive_share=None, near_share=None, tasks=0)


def agreement(
    counts: Floats, *, rng: np.random.Generator, decisive: int = 0, level: float = 0.95,
    metrics: Mapping[str, Metric] = METRICS,
) -> Agreement:  # fmt: skip
    """Return how far judgments of a task agree among each other.

    `counts[task, value]`: how often each value was given to a task; the first `decisive` values
    are no ties. Tasks with one judgment say nothing and are left out. A share is the chance that
    two judgments of a random task are the same. Raises `ImpossibleData` for counts that are
    negative or not finite.
    """
    counts = _checked(counts)
    counts = counts[counts.sum(axis=1) > 1]
    if len(counts) == 0:
        return _NOTHING
    sample = TaskBootstrap.of(counts, rng=rng, level=level)
    rows = sample.rows
    near = _within_one(rows.shape[1])
    return Agreement(
        alphas=_alphas(sample, _coincidences(rows), metrics),
        share=_share(sample, *_agreeing(rows, np.eye(rows.shape[1]))),
        decisive_share=_share(sample, *_agreeing(rows[:, :decisive], np.eye(decisive))),
        near_share=_share(sample, *_agreeing(rows, near)),
        tasks=sample.tasks,
    )


def agreement_between(
    ones: Floats, others: Floats, *, rng: np.random.Generator, decisive: int = 0,
    level: float = 0.95, metrics: Mapping[str, Metric] = METRICS,
) -> Agreement:  # fmt: skip
    """Return how far judgments of two kinds agree on the tasks that both judged.

    As `agreement`, with each pair of judgments one of either kind: [task, value] each. Alpha is
    Krippendorff's where a task has one of each; where it has more, each task still counts as one
    pair, shared among its pairs.
    """
    ones, others = _checked(ones), _checked(others)
    values = ones.shape[1]
    both = (ones.sum(axis=1) > 0) & (others.sum(axis=1) > 0)
    if not both.any():
        return _NOTHING
    sample = TaskBootstrap.of(np.hstack([ones[both], others[both]]), rng=rng, level=level)
    one, other = sample.rows[:, :values], sample.rows[:, values:]
    cross = _shares(one)[:, :, None] * _shares(other)[:, None, :]
    first, second = one[:, :decisive], other[:, :decisive]
    return Agreement(
        alphas=_alphas(sample, cross + cross.transpose(0, 2, 1), metrics),
        share=_share(sample, *_matching(one, other, np.eye(values))),
        decisive_share=_share(sample, *_matching(first, second, np.eye(decisive))),
        near_share=_share(sample, *_matching(one, other, _within_one(values))),
        tasks=sample.tasks,
    )


def krippendorff_alpha(counts: Floats, metric: Metric) -> float | None:
    """Return alpha for `counts[task, value]` (Krippendorff, 2019); values are 0, 1, 2 and so on.

    None when no task has two judgments, or all judgments are the same.
    """
    counts = _checked(counts)
    found = _alpha(_coincidences(counts[counts.sum(axis=1) > 1]).sum(axis=0)[None], metric)[0]
    return None if np.isnan(found) else float(found)


def _checked(counts: Floats) -> Floats:
    counts = np.asarray(counts, dtype=float)
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ImpossibleData("counts of judgments are negative or not finite")
    return counts


def _within_one(values: int) -> Floats:
    places = np.arange(values)
    return np.asarray((np.abs(places[:, None] - places[None, :]) <= 1).astype(float))


def _coincidences(counts: Floats) -> Floats:
    """Return each task's pairs of values, [task, v, w], that sum to its judgments."""
    pairs = counts[:, :, None] * counts[:, None, :]
    places = np.arange(counts.shape[1])
    pairs[:, places, places] -= counts
    return np.asarray(pairs / (counts.sum(axis=1) - 1)[:, None, None])


def _alphas(
    sample: TaskBootstrap, pairs: Floats, metrics: Mapping[str, Metric]
) -> dict[str, Resampled | None]:
    values = pairs.shape[1]
    sums = sample.sums(pairs.reshape(len(pairs), values * values))

    def of(metric: Metric, flat: Floats) -> Floats:
        return _alpha(flat.reshape(-1, values, values), metric)

    return {name: sample.estimate(sums, partial(of, metric)) for name, metric in metrics.items()}


def _alpha(pairs: Floats, metric: Metric) -> Floats:
    """Return alpha of summed pairs [..., v, w]; NaN where it means nothing."""
    totals = pairs.sum(axis=-1)
    given = totals.sum(axis=-1)
    distance = metric(np.arange(pairs.shape[-1], dtype=float), totals)
    observed = (pairs * distance).sum(axis=(-1, -2)) * (given - 1)
    expected = (totals[..., :, None] * totals[..., None, :] * distance).sum(axis=(-1, -2))
    ratio = np.full_like(expected, np.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0)
    return np.asarray(1 - ratio)


def _agreeing(counts: Floats, alike: Floats) -> tuple[Floats, Floats]:
    """Return each task's pairs of judgments that are alike, and all its pairs."""
    given = counts.sum(axis=1)
    same = ((counts @ alike) * counts).sum(axis=1) - counts @ np.diag(alike)
    return same, given * (given - 1)


def _matching(ones: Floats, others: Floats, alike: Floats) -> tuple[Floats, Floats]:
    return ((ones @ alike) * others).sum(axis=1), ones.sum(axis=1) * others.sum(axis=1)


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _share(sample: TaskBootstrap, alike: Floats, pairs: Floats) -> Resampled | None:
    """Return the mean over tasks of the share of their pairs that are alike."""
    has_any = pairs > 0
    share = np.divide(alike, pairs, out=np.zeros_like(alike), where=has_any)
    sums = sample.sums(np.column_stack([share, has_any]))
    return sample.estimate(sums, _mean, telling=int(sums.observed[0, 1]), is_share=True)


def _mean(sums: Floats) -> Floats:
    """Return the first column by the second; NaN where that is nothing."""
    mean = np.full(len(sums), np.nan)
    np.divide(sums[:, 0], sums[:, 1], out=mean, where=sums[:, 1] > 0)
    return mean
