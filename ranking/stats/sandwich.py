"""Cluster-robust covariance of a fit: raters, and raters and prompts together.

Judgments of one rater hang together, and so do those on one prompt; an interval that takes them
as independent is too short (Liang and Zeger, 1986; Cameron, Gelbach and Miller, 2011). There is no
ridge inside: a newcomer's interval does not depend on how much others were judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import t as student

from ranking.stats.counts import Comparisons, Floats, Ints, present, renumbered, tally
from ranking.stats.exceptions import NotEnoughData
from ranking.stats.fits import Fit


@dataclass(frozen=True, kw_only=True)
class Sandwich:
    """The covariance of a fit's parameters, [parameters, parameters] each part.

    A contrast's variance is that of raters, or of raters and prompts less what both count twice,
    whichever is larger.
    """

    by_rater: Floats
    #: What prompts add; zeros where only raters are clusters.
    beyond_raters: Floats
    #: Scores times bread, one row a rater: minus what leaving the rater out does to the fit.
    influence: Floats
    raters: int
    degrees: int
    is_two_way: bool

    @cached_property
    def matrix(self) -> Floats:
        """Return one matrix for drawing: the sum, with negative eigenvalues set to zero."""
        values, vectors = np.linalg.eigh(self.by_rater + self.beyond_raters)
        return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)

    def variance(self, contrasts: Floats) -> Floats:
        """Return the variance of each row of `contrasts` [k, parameters]."""
        alone = np.einsum("kp,pq,kq->k", contrasts, self.by_rater, contrasts)
        added = np.einsum("kp,pq,kq->k", contrasts, self.beyond_raters, contrasts)
        return np.asarray(np.maximum(alone + np.maximum(added, 0), 0))

    def difference_errors(self, systems: int) -> Floats:
        """Return [i, j]: the standard error of strength i minus strength j."""
        added = np.maximum(_of_differences(self.beyond_raters[:systems, :systems]), 0)
        alone = _of_differences(self.by_rater[:systems, :systems])
        return np.asarray(np.sqrt(np.maximum(alone + added, 0)))

    def errors_between(self, contrasts: Floats) -> Floats:
        """Return [i, j]: the standard error of row i of `contrasts` minus row j."""
        added = np.maximum(_of_differences(contrasts @ self.beyond_raters @ contrasts.T), 0)
        alone = _of_differences(contrasts @ self.by_rater @ contrasts.T)
        return np.asarray(np.sqrt(np.maximum(alone + added, 0)))

    def quantile(self, level: float) -> float:
        """Return how many standard errors a two-sided interval reaches to each side."""
        return float(student.ppf((1 + level) / 2, self.degrees))


def _of_differences(covariance: Floats) -> Floats:
    own = np.diag(covariance)
    return own[:, None] + own[None, :] - covariance - covariance.T


def sandwich(fit: Fit, comparisons: Comparisons) -> Sandwich:
    """Return the covariance by rater (CR1, raters minus one degrees of freedom).

    Where prompts repeat it is two-way, with the fewer of both minus one degrees of
    freedom. The part that both count is taken judgment by judgment: too small, so on the safe
    side, where a rater judged several pairs of one prompt. Raises `NotEnoughData` below two
    raters.
    """
    raters = len(present(comparisons.rater, comparisons.raters))
    if raters < 2:
        raise NotEnoughData("intervals need two raters")
    influence = fit.scores(comparisons, comparisons.rater, comparisons.raters) @ fit.bread
    by_rater = _meat(influence, raters)
    if fit.is_separated:
        by_rater = _not_below_the_model(fit, by_rater)
    prompts = _repeating_prompts(comparisons)
    beyond = np.zeros_like(by_rater)
    if prompts and not fit.is_separated:
        of_prompts = fit.scores(comparisons, comparisons.prompt, comparisons.prompts) @ fit.bread
        single = fit.outer_scores(comparisons.squared)
        beyond = _meat(of_prompts, prompts) - fit.bread @ single @ fit.bread
    return Sandwich(
        by_rater=by_rater,
        beyond_raters=beyond,
        influence=influence,
        raters=raters,
        degrees=min(raters, prompts or raters) - 1,
        is_two_way=bool(prompts),
    )


def sandwich_of(
    parts: csr_array,
    bread: Floats,
    *,
    row: Ints,
    rater: Ints,
    prompt: Ints,
    count: Ints,
    held_by: Fit | None = None,
) -> Sandwich:
    """Return the covariance of any estimate whose judgments have scores, as `sandwich` does.

    `parts` [kinds, parameters] is the gradient of one judgment's log likelihood, or what stands
    for it, by the kind of judgment; `row`, the kind, and `rater`, `prompt` and `count` are by
    cell. `held_by` is the fit, where a prior holds it. Raises `NotEnoughData` below two raters.
    """
    kinds = parts.shape[0]
    by_rater, by_prompt = (
        np.asarray((_sums(number, row, count, kinds) @ parts).toarray()) @ bread
        for number in (rater, prompt)
    )
    raters = len(by_rater)
    if raters < 2:
        raise NotEnoughData("intervals need two raters")
    prompts = len(by_prompt) if 1 < len(by_prompt) < count.sum() else 0
    covariance = _meat(by_rater, raters)
    beyond = np.zeros_like(covariance)
    if held_by is not None:
        covariance = _not_below_the_model(held_by, covariance)
    elif prompts:
        single = np.asarray((parts.T @ parts.multiply(tally(row, count, kinds)[:, None])).toarray())
        beyond = _meat(by_prompt, prompts) - bread @ single @ bread
    return Sandwich(
        by_rater=covariance,
        beyond_raters=beyond,
        influence=by_rater,
        raters=raters,
        degrees=min(raters, prompts or raters) - 1,
        is_two_way=bool(prompts),
    )


def _sums(number: Ints, row: Ints, count: Ints, kinds: int) -> csr_array:
    """Return [clusters, kinds]: how often each did what; clusters without cells are none."""
    cluster, clusters = renumbered(number, int(number.max(initial=-1)) + 1)
    return csr_array((count.astype(float), (cluster, row)), shape=(clusters, kinds))


def _meat(influence: Floats, clusters: int) -> Floats:
    return np.asarray(clusters / (clusters - 1) * influence.T @ influence)


def _repeating_prompts(comparisons: Comparisons) -> int:
    """Return how many prompts there are; 0 where they do not repeat.

    Where raters do not, each with one judgment, the prompts alone are what hangs together, and
    the two-way sum comes to that by itself.
    """
    prompts = len(present(comparisons.prompt, comparisons.prompts))
    return prompts if 1 < prompts < comparisons.total else 0


def _not_below_the_model(fit: Fit, by_rater: Floats) -> Floats:
    """Return the covariance under the prior, the data's part never below the model's own.

    Where a system always wins there is nothing that varies; its raters would seem to agree to any
    precision. The prior's own spread is added: what is not known stays unknown.
    """
    model = fit.bread @ fit.information @ fit.bread
    difference = by_rater - model
    values, vectors = np.linalg.eigh((difference + difference.T) / 2)
    data = model + (vectors * np.maximum(values, 0)) @ vectors.T
    prior = np.zeros_like(model)
    prior[np.diag_indices(fit.systems)] = fit.prior_precision
    return np.asarray(data + fit.bread @ prior @ fit.bread)
