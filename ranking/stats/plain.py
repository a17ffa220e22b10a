"""A mean with an interval that allows for raters, where no model is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ranking.stats.counts import Floats, Ints

#: A standard error below that says that nothing varies, not that all is known.
_NOTHING = 1e-9


@dataclass(frozen=True, kw_only=True)
class PlainMean:
    """A mean of `judgments`; the ends are None where raters are too few or do not vary."""

    mean: float
    low: float | None
    high: float | None
    judgments: int


def plain_mean(value: Floats, rater: Ints, count: Ints, *, level: float = 0.95) -> PlainMean | None:
    """Return the mean of `value` [cell], each `count` times, clustered by `rater` [cell].

    The error is the cluster-robust one with its small-sample factor (Liang and Zeger, 1986), the
    quantile Student's with raters minus one degrees of freedom. None without judgments.
    """
    judgments = int(count.sum())
    if judgments == 0:
        return None
    mean = float((value * count).sum() / judgments)
    found = PlainMean(mean=mean, low=None, high=None, judgments=judgments)
    _, number = np.unique(rater, return_inverse=True)
    raters = int(number.max()) + 1
    if raters < 2:
        return found
    residual = np.bincount(number, (value - mean) * count) / judgments
    error = float(np.sqrt(raters / (raters - 1) * (residual**2).sum()))
    if error < _NOTHING:
        return found
    reach = float(student.ppf((1 + level) / 2, raters - 1)) * error
    return PlainMean(mean=mean, low=mean - reach, high=mean + reach, judgments=judgments)
