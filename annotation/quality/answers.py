"""What raters answer: against known answers, against themselves, against the rest.

Each function takes the columns and returns one value a group, except `deviation`, which returns
one a judgment.
"""

from __future__ import annotations

import numpy as np

from annotation.quality.columns import (
    ATTENTION,
    GOLD,
    TARGET,
    Bools,
    Columns,
    Floats,
    count_by,
    counted,
    sum_by,
)
from annotation.quality.shares import Measured, Z, ratio, share

#: ITU-R BS.1534-3 (2015), 5.1: where references and anchors should be; and the share of raters
#: above which an anchor says more of the prompt than of the raters.
MUSHRA_MARK = 90
MUSHRA_DOUBTFUL = 0.25


def gold(columns: Columns) -> Measured:
    """The share of gold tasks that were answered right."""
    return _known_answers(columns, columns.check == GOLD, within=0)


def gold_within_1(columns: Columns) -> Measured:
    """The share of gold tasks whose score is right or next to it."""
    return _known_answers(columns, columns.check == GOLD, within=1)


def attention(columns: Columns) -> Measured:
    """The share of attention tasks that were answered exactly right."""
    return _known_answers(columns, columns.check == ATTENTION, within=0)


def _known_answers(columns: Columns, asked: Bools, *, within: float) -> Measured:
    group = columns.group[asked]
    right = columns.off[asked] <= within
    trials = count_by(group, columns.groups).astype(np.float64)
    return share(sum_by(group, right, columns.groups), trials)


def consistency(columns: Columns) -> Measured:
    """The share of pairs of judgments on one task by one rater that say the same."""
    (group, _), times, _ = counted(columns.group, columns.task)
    pairs = sum_by(group, times * (times - 1) / 2, columns.groups)
    (group, _, _), times, _ = counted(columns.group, columns.task, columns.answer)
    same = sum_by(group, times * (times - 1) / 2, columns.groups)
    return share(same, pairs)


def agreement(columns: Columns) -> Measured:
    """How many of a task's other raters said the same: the mean of that share over judgments.

    Checks and tasks that nobody else judged are left out. The interval is the mean's, by Student's
    variance and a normal quantile; below two judgments it is everything.
    """
    asked = columns.check == TARGET
    task, answer, rater = (c[asked] for c in (columns.task, columns.answer, columns.rater))
    group = columns.group[asked]
    same = _others(counted(task, answer)[1:], counted(task, answer, rater)[1:])
    everyone = _others(counted(task)[1:], counted(task, rater)[1:])
    there = everyone > 0
    return _mean(same[there] / everyone[there], group[there], columns.groups)


def _others(all_of: tuple[np.ndarray, ...], own: tuple[np.ndarray, ...]) -> Floats:
    """Return how often the like is there by others; each is (times, which)."""
    (times, which), (own_times, own_which) = all_of, own
    return np.asarray(times[which] - own_times[own_which], dtype=np.float64)


def _mean(values: Floats, group: np.ndarray, groups: int) -> Measured:
    count = count_by(group, groups)
    n = count.astype(np.float64)
    mean = ratio(sum_by(group, values, groups), n)
    squares = sum_by(group, (values - mean[group]) ** 2, groups)
    half = Z * np.sqrt(ratio(squares, np.maximum(n - 1, 0)) / np.maximum(n, 1))
    few = count < 2
    return Measured(
        value=mean,
        count=count,
        low=np.where(few, 0.0, np.clip(mean - half, 0, 1)),
        high=np.where(few, 1.0, np.clip(mean + half, 0, 1)),
    )


def correlation(columns: Columns) -> Measured:
    """Pearson's r of a rater's scores with the means of the others' on the same tasks.

    As P.808 rates raters, but the rater's own score is not in the mean. The interval is Fisher's
    (1921); below four tasks it is everything. NaN where either side does not vary.
    """
    asked = (columns.check == TARGET) & ~np.isnan(columns.score)
    task, rater, score = columns.task[asked], columns.rater[asked], columns.score[asked]
    others, means = _means_of_others(task, rater, score)
    there = others > 0
    group, x, y = columns.group[asked][there], score[there], means[there]
    count = count_by(group, columns.groups)
    n = count.astype(np.float64)
    dx = x - ratio(sum_by(group, x, columns.groups), n)[group]
    dy = y - ratio(sum_by(group, y, columns.groups), n)[group]
    xy, xx, yy = (sum_by(group, p, columns.groups) for p in (dx * dy, dx * dx, dy * dy))
    r = np.clip(ratio(xy, np.where((xx > 1e-9) & (yy > 1e-9), np.sqrt(xx * yy), 0)), -1, 1)
    half = Z / np.sqrt(np.maximum(n - 3, 1e-9))
    z = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    few = count < 4
    return Measured(
        value=r,
        count=count,
        low=np.where(few, -1.0, np.tanh(z - half)),
        high=np.where(few, 1.0, np.tanh(z + half)),
    )


def _means_of_others(
    task: np.ndarray, rater: np.ndarray, score: Floats
) -> tuple[np.ndarray, Floats]:
    """Return for each judgment how many others' there are on its task, and their mean score."""
    (_, times, which), (_, own_times, own_which) = counted(task), counted(task, rater)
    others = times[which] - own_times[own_which]
    total = sum_by(which, score, len(times))[which]
    total -= sum_by(own_which, score, len(own_times))[own_which]
    return others, ratio(total, others.astype(np.float64))


def deviation(columns: Columns) -> Measured:
    """How far each score is from the mean of its system, in standard deviations, without a sign.

    The count is the system's scores; checks are left out. The standard deviation is that of the
    scores themselves (divided by n), as in the P.808 toolkit.
    """
    asked = (columns.check == TARGET) & ~np.isnan(columns.score)
    system, score = columns.system[asked], columns.score[asked]
    systems = int(columns.system.max(initial=-1)) + 1
    count = count_by(system, systems)
    n = count.astype(np.float64)
    mean = ratio(sum_by(system, score, systems), n)
    spread = np.sqrt(ratio(sum_by(system, (score - mean[system]) ** 2, systems), n))
    value, counts = np.full(len(columns), np.nan), np.zeros(len(columns), dtype=np.int64)
    value[asked] = ratio(np.abs(score - mean[system]), spread[system])
    counts[asked] = count[system]
    return Measured(value=value, count=counts)


def reference_low(columns: Columns) -> Measured:
    """MUSHRA: the share of tasks in which the hidden reference got less than 90."""
    known = ~np.isnan(columns.reference)
    group = columns.group[known]
    low = columns.reference[known] < MUSHRA_MARK
    return share(
        sum_by(group, low, columns.groups), count_by(group, columns.groups).astype(np.float64)
    )


def anchor_high(columns: Columns) -> Measured:
    """MUSHRA: the share of tasks in which the mid anchor got more than 90.

    Tasks where more than a quarter of the raters gave it that are left out: there it was not heard
    to be worse.
    """
    known = np.flatnonzero(~np.isnan(columns.anchor))
    high = columns.anchor[known] > MUSHRA_MARK
    _, times, which = counted(columns.task[known])
    doubtful = sum_by(which, high, len(times)) > MUSHRA_DOUBTFUL * times
    kept = ~doubtful[which]
    group = columns.group[known][kept]
    return share(
        sum_by(group, high[kept], columns.groups), count_by(group, columns.groups).astype(float)
    )
