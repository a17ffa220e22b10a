"""How much hangs on one rater, and on a few judgments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import Comparisons, Counts, Floats, Ints, tally
from ranking.stats.exceptions import StatisticsError
from ranking.stats.fits import Fit
from ranking.stats.sandwich import Sandwich

#: So many challengers of the first are tried by a real refit.
_CHALLENGERS = 3


@dataclass(frozen=True, kw_only=True)
class RaterInfluence:
    """What each rater does to the fit.

    `share` [raters] is a rater's part of the win rates' clustered variance; all sum to one.
    `shift` [raters] is by how much a win rate moves, at most, without the rater.
    `rank_low`, `rank_high` [systems]: between which ranks a system moves when any one is left out.
    """

    share: Floats
    shift: Floats
    rank_low: Ints
    rank_high: Ints


def rater_influence(fit: Fit, cov: Sandwich) -> RaterInfluence:
    """Leave out each rater by one Newton step from the fit (Cook, 1977; Pregibon, 1981)."""
    return influence_of_raters(fit.strengths, fit.win_rate_gradient, cov)


def influence_of_raters(places: Floats, gradient: Floats, cov: Sandwich) -> RaterInfluence:
    """Leave out each rater, for any places [systems] that are an estimate's first parameters.

    `gradient` [systems, parameters] is that of the values that are shown.
    """
    moved = cov.influence @ gradient.T
    squares = (moved**2).sum(axis=1)
    ranks = _ranks(places - cov.influence[:, : len(places)])
    return RaterInfluence(
        share=squares / max(float(squares.sum()), 1e-300),
        shift=np.abs(moved).max(axis=1),
        rank_low=ranks.min(axis=0),
        rank_high=ranks.max(axis=0),
    )


def _ranks(strengths: Floats) -> Ints:
    """Return the rank of each system in each row; no two strengths are equal to the last bit."""
    order = np.argsort(-strengths, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, strengths.shape[1] + 1)[None, :], axis=1)
    return ranks


def capped_weights(comparisons: Comparisons, share: float) -> Floats:
    """Return weights [raters], at most 1, so that no rater has more than `share` of all weight.

    Where that cannot be (too few raters) all weigh the same. Raises `ValueError` for a share that
    is not within 0 and 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share}")
    judgments = tally(comparisons.rater, comparisons.count, comparisons.raters)
    given = np.sort(judgments[judgments > 0])[::-1]
    if share * len(given) <= 1:
        limit = given[-1]
    else:
        # With the k largest at the limit L: L = share * (k * L + the rest).
        largest = np.arange(len(given))
        rest = given.sum() - np.concatenate([[0.0], np.cumsum(given)[:-1]])
        limits = share * rest / np.maximum(1 - share * largest, 1e-12)
        limit = limits[np.flatnonzero((limits >= given) | (largest == len(given) - 1))[0]]
    return np.asarray(np.minimum(1.0, limit / np.maximum(judgments, 1e-300)))


@dataclass(frozen=True, kw_only=True)
class Flip:
    """The fewest judgments that were found whose removal puts `challenger` first."""

    judgments: int
    challenger: int
    share: float


def fewest_to_change_the_top(fit: Fit, counts: Counts) -> Flip | None:
    """Find few judgments without which another system is first; None where none were found.

    By the judgments' one-step influence on the lead, largest first (Broderick, Giordano and
    Meager, 2020; Huang et al., 2025), each answer checked by a refit. Fewer may do: it is an upper
    bound. For Bradley-Terry with half-win ties, without a prior.
    """
    if fit.systems < 2 or fit.is_separated:
        return None
    first = int(np.argmax(fit.strengths))
    total = float(counts.meetings.sum()) / 2
    plans = []
    for challenger in set(range(fit.systems)) - {first}:
        plan = _plan(fit, counts, first, challenger)
        needed = _linear_need(plan, float(fit.strengths[first] - fit.strengths[challenger]))
        if needed is not None:
            plans.append((needed, challenger, plan))
    found = []
    for needed, _, plan in sorted(plans, key=lambda p: p[:2])[:_CHALLENGERS]:
        result = _checked(counts, plan, first, needed)
        if result is not None:
            found.append(result)
    if not found:
        return None
    judgments, challenger = min(found)
    return Flip(judgments=judgments, challenger=challenger, share=judgments / total)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Cells by falling gain: kind (0 win of i over j, 1 draw), i, j, judgments there, gain each."""

    kind: Ints
    i: Ints
    j: Ints
    count: Floats
    gain: Floats


def _plan(fit: Fit, counts: Counts, first: int, challenger: int) -> _Plan:
    lead = fit.bread[first, : fit.systems] - fit.bread[challenger, : fit.systems]
    pull = lead[:, None] - lead[None, :]
    win = pull * (1 - fit.expected)
    draw = np.triu(pull * (0.5 - fit.expected))
    gains = np.stack([win, draw])
    judgments = np.stack([counts.wins, np.triu(counts.drawn)])
    kind, i, j = np.nonzero((gains > 0) & (judgments > 0))
    order = np.argsort(-gains[kind, i, j], kind="stable")
    kind, i, j = kind[order], i[order], j[order]
    return _Plan(kind=kind, i=i, j=j, count=judgments[kind, i, j], gain=gains[kind, i, j])


def _linear_need(plan: _Plan, gap: float) -> int | None:
    """Return how many of the plan's judgments close the gap by their first-order gains."""
    closed = np.cumsum(plan.count * plan.gain)
    if len(closed) == 0 or closed[-1] < gap:
        return None
    at = int(np.searchsorted(closed, gap))
    before = closed[at - 1] if at else 0.0
    whole = float(plan.count[:at].sum())
    return int(whole + np.ceil((gap - before) / plan.gain[at] - 1e-9)) or 1


def _checked(counts: Counts, plan: _Plan, first: int, needed: int) -> tuple[int, int] | None:
    """Return how many of the plan's judgments a refit confirms, and who is first then."""
    low, high, winner = 0, needed, _first_without(counts, plan, needed)
    most = int(plan.count.sum())
    while winner in (first, None) and high < most:
        low, high = high, min(most, high + max(1, high // 2))
        winner = _first_without(counts, plan, high)
    if winner in (first, None):
        return None
    low = max(low, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        found = _first_without(counts, plan, middle)
        if found in (first, None):
            low = middle
        else:
            high, winner = middle, found
    return (high, winner) if winner is not None else None


def _first_without(counts: Counts, plan: _Plan, judgments: int) -> int | None:
    """Return who is first without the plan's first judgments; None where no fit exists then."""
    before = np.concatenate([[0.0], np.cumsum(plan.count)[:-1]])
    taken = np.clip(judgments - before, 0, plan.count)
    half_wins = counts.half_wins.copy()
    wins = plan.kind == 0
    half_wins[plan.i[wins], plan.j[wins]] -= taken[wins]
    for i, j in ((plan.i, plan.j), (plan.j, plan.i)):
        half_wins[i[~wins], j[~wins]] -= taken[~wins] / 2
    try:
        fit = fit_bradley_terry(half_wins)
    except StatisticsError:
        return None
    return int(np.argmax(fit.strengths))
