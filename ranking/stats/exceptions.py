"""What a fit refuses to pretend."""

from __future__ import annotations


class StatisticsError(Exception):
    """The data do not allow this estimate."""


class NotConverged(StatisticsError):
    """The fit did not converge."""


class NotConnected(StatisticsError):
    """No chain of comparisons joins these systems."""


class NotEnoughData(StatisticsError):
    """There is too little to estimate this from."""


class ImpossibleData(StatisticsError):
    """These numbers cannot be judgments."""


class NotPossible(StatisticsError):
    """No study can do that."""
