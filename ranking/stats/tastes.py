"""Tastes: by how much raters and prompts must differ for judgments to correlate as stated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from ranking.stats.counts import Floats, Ints
from ranking.stats.exceptions import NotPossible

#: Log-odds of tastes are looked for within that.
_FAR = 20.0
#: The two spreads depend on each other; so many rounds settle them to six digits.
_ROUNDS = 8
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, kw_only=True)
class Tastes:
    """Normal tastes of each rater, and each prompt, for each system.

    They add to the log-odds of a win among judgments that are no ties. Correlations are those of
    two judgments of equal systems, in wins with a tie as half: by one rater, or on one prompt.
    """

    ties: float
    rater_correlation: float
    prompt_correlation: float

    @cached_property
    def spreads(self) -> tuple[float, float]:
        """The standard deviations of a rater's, and of a prompt's, taste for one system.

        Raises `NotPossible` where no spread gives the correlation.
        """
        rater = prompt = 0.0
        for _ in range(_ROUNDS):
            rater = self._spread(self.rater_correlation, prompt)
            prompt = self._spread(self.prompt_correlation, rater)
        return rater, prompt

    def _spread(self, correlation: float, other: float) -> float:
        if correlation == 0:
            return 0.0
        wanted = correlation / (4 * (1 - self.ties))

        def beyond(own: float) -> float:
            return _share_variance(0.0, own, other) - wanted

        if beyond(_FAR) < 0:
            raise NotPossible(
                f"a correlation of {correlation} cannot be beside a share of ties of {self.ties}"
            )
        return float(brentq(beyond, 0.0, _FAR))

    def log_odds(self, expected: Floats) -> Floats:
        """Return the log-odds of a win, without tastes, that give the expected shares over all."""
        shares, place = self._distinct(expected)
        return np.asarray(np.array([self._log_odds(share) for share in shares])[place])

    def swing(self, expected: Floats) -> tuple[Floats, Floats]:
        """Return how far a rater's, and a prompt's, taste moves a pair: 1 for equal systems."""
        shares, place = self._distinct(expected)
        odds = [self._log_odds(share) for share in shares]
        rater, prompt = self.spreads
        return (
            np.asarray(_swings(odds, rater, prompt)[place]),
            np.asarray(_swings(odds, prompt, rater)[place]),
        )

    def _distinct(self, expected: Floats) -> tuple[Floats, Ints]:
        """Return the different shares of wins among judgments that are no ties, and where each is.

        They are few: the systems of a plan stand at three places.
        """
        decided = (expected - self.ties / 2) / (1 - self.ties)
        shares, place = np.unique(np.round(decided, 12), return_inverse=True)
        return shares, np.asarray(place).reshape(expected.shape)

    def _log_odds(self, share: float) -> float:
        spread = np.sqrt(2) * np.hypot(*self.spreads)

        def beyond(log_odds: float) -> float:
            return float(_WEIGHTS @ expit(log_odds + spread * _NODES)) - share

        return float(brentq(beyond, -4 * _FAR, 4 * _FAR))


def _swings(log_odds: list[float], own: float, other: float) -> Floats:
    if own == 0:
        return np.ones(len(log_odds))
    even = _share_variance(0.0, own, other)
    return np.sqrt([_share_variance(odds, own, other) / even for odds in log_odds])


def _share_variance(log_odds: float, own: float, other: float) -> float:
    """Return the variance, over one kind of taste, of the share of wins averaged over the other."""
    moved = log_odds + np.sqrt(2) * (own * _NODES[:, None] + other * _NODES[None, :])
    shares = expit(moved) @ _WEIGHTS
    return float(_WEIGHTS @ (shares - _WEIGHTS @ shares) ** 2)
