"""Mean opinion scores against published figures, closed forms and simulated studies."""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm, ttest_rel
from scipy.stats import t as student

from ranking.stats.differences import holm, paired_differences
from ranking.stats.exceptions import ImpossibleData, NotConverged, NotEnoughData
from ranking.stats.mean_intervals import contrasts, room_of_means
from ranking.stats.means import clustered_means
from ranking.stats.mos import mean_opinion_scores, rater_shifts
from ranking.stats.ordinal import fit_ordinal
from ranking.stats.ranks import same_order
from ranking.stats.rater_bias import rater_bias
from tests.ranking.scores import expected_scores, of_table, ratings, simulated

#: The issue's band for a nominal 95 %.
BAND = (0.935, 0.965)
QUALITY = np.array([2.6, 3.0, 3.3, 3.9])


def scored(data, *, level=0.95, seed=0):
    return mean_opinion_scores(data, rng=np.random.default_rng(seed), level=level)


def differences(data, order, *, seed=0):
    return paired_differences(data, np.array(order), rng=np.random.default_rng(seed))


def one_system(scores):
    """`scores[rater]` lists what each rater gave, all on one prompt."""
    return ratings([(r, 0, 0, s) for r, given in enumerate(scores) for s in given])


@pytest.fixture
def netflix(shared_data):
    """The Netflix public data set: 79 clips by 26 raters, scores of 1 to 5."""
    with (shared_data / "sureal_nflx" / "nflx_ratings.csv").open() as file:
        rows = list(csv.DictReader(file))
    raters = [name for name in rows[0] if name.startswith("s")]
    return np.array([[float(row[name]) for name in raters] for row in rows])


def test_the_mos_of_a_published_data_set(netflix):
    """As in sureal's tests: the means, and a mean standard error of 0.12986637."""
    found = scored(of_table(netflix))
    assert found.mean[0] == pytest.approx(4.884615384615385)
    assert found.mean[10] == pytest.approx(2.0769230769230771)
    assert found.mean.mean() == pytest.approx(3.544790652385589)
    errors = np.sqrt(found.found.cov.variance(np.eye(79)))
    assert errors.mean() == pytest.approx(0.12986637295658307, abs=1e-9)
    # Clips that all raters scored alike have an error here that is not zero.
    assert np.flatnonzero(np.abs(found.error - errors) > 1e-12).tolist() == found.unanimous
    middle = int(np.argmin(np.abs(found.mean - 3)))
    half = student.ppf(0.975, 25) * found.error[middle]
    assert found.high[middle] - found.mean[middle] == pytest.approx(half)


def alternating_projection(scores):
    """ITU-T P.913, 12.6, as it is written, for a table without gaps [clips, raters]."""
    bias, clip = np.zeros(scores.shape[1]), scores.mean(axis=1)
    for _ in range(1000):
        left = scores - clip[:, None]
        bias = left.mean(axis=0)
        weight = 1 / left.var(axis=0)
        clip = ((scores - bias) * weight).sum(axis=1) / weight.sum()
    left = scores - clip[:, None]
    bias = left.mean(axis=0)
    return bias - bias.mean(), left.std(axis=0), clip + bias.mean()


def test_rater_bias_is_that_of_the_plain_algorithm(netflix):
    bias, inconsistency, mean = alternating_projection(netflix)
    found = rater_bias(of_table(netflix))
    assert found.bias == pytest.approx(bias, abs=1e-5)
    assert found.inconsistency == pytest.approx(inconsistency, abs=1e-5)
    assert found.mean == pytest.approx(mean, abs=1e-5)
    assert found.bias.sum() == pytest.approx(0, abs=1e-12)


def test_equal_raters_leave_the_means_as_they_are():
    data = ratings([(r, p, s, 1 + (p + 2 * s) % 5) for r in range(4) for p in range(5)
                    for s in range(2)])  # fmt: skip
    found = rater_bias(data)
    assert found.bias == pytest.approx(np.zeros(4), abs=1e-12)
    assert found.mean == pytest.approx(scored(data).mean)


def test_a_harsh_rater_who_judged_one_system_only_no_longer_drags_it_down():
    """Both systems are alike; the second has twice as many scores of who gives one less."""
    rows = [(r, p, s, 4) for r in range(3) for p in range(8) for s in range(2)]
    rows += [(3, p, s, 3) for p in range(8) for s in range(2)]
    rows += [(4, p, 1, 3) for p in range(8)]
    rows += [(4, 0, 0, 3)]
    data = ratings(rows)
    raw, corrected = scored(data).mean, rater_bias(data).mean
    assert raw[0] - raw[1] > 0.1
    assert corrected[0] == pytest.approx(corrected[1], abs=1e-4)


def test_a_rater_who_happens_to_fit_does_not_rule_the_means():
    """Nobody's weight is more than five times that of a rater as consistent as all together."""
    rng = np.random.default_rng(0)
    data = simulated(rng, QUALITY, raters=2, prompts=20, noise=1.0)
    found = rater_bias(data)
    assert np.abs(found.mean - scored(data).mean).max() < 0.5


def test_a_crowd_of_raters_with_few_judgments_each_is_corrected_too():
    """Their own variances are not known, so only bias is taken off; it settles in few steps."""
    rng = np.random.default_rng(10)
    data = simulated(rng, QUALITY, raters=2000, prompts=100, share=0.025, bias=0.5)
    found = rater_bias(data)
    assert found.steps < 100
    assert found.mean == pytest.approx(scored(data).mean, abs=0.05)
    # Bias, and the noise of ten judgments each.
    assert found.bias.std() == pytest.approx(np.hypot(0.47, 0.75 / 10**0.5), abs=0.05)


def test_biases_of_very_few_judgments_are_not_told():
    with pytest.raises(NotEnoughData, match="fewer than 5"):
        rater_bias(ratings([(r, p, 0, 1 + (r * p) % 5) for r in range(10) for p in range(4)]))


def test_biases_that_do_not_settle_raise(monkeypatch):
    rng = np.random.default_rng(11)
    data = simulated(rng, QUALITY, raters=12, prompts=30, share=0.2, bias=0.5)
    assert rater_bias(data).steps > 5
    monkeypatch.setattr("ranking.stats.rater_bias.MAX_STEPS", 5)
    with pytest.raises(NotConverged, match="after 5 steps"):
        rater_bias(data)


def test_a_mos_interval_takes_raters_as_the_unit():
    alone = scored(one_system([[1], [2], [3], [4], [5], [3]]))
    doubled = scored(one_system([[s, s] for s in (1, 2, 3, 4, 5, 3)]))
    assert doubled.low == pytest.approx(alone.low)  # asking a rater twice is no new rater
    assert doubled.sd[0] < alone.sd[0]


def test_two_way_errors_are_those_of_the_closed_form():
    """Balanced: by rater plus by prompt less both (Cameron, Gelbach and Miller, 2011)."""
    rng = np.random.default_rng(1)
    scores = np.clip(rng.integers(1, 4, (6, 1)) + rng.integers(0, 3, (1, 9)), 1, 5)
    scores[::2, ::2] = 2
    data = ratings([(r, p, 0, int(scores[r, p])) for r in range(6) for p in range(9)])
    residual = scores - scores.mean()
    by_rater = 6 / 5 * (residual.sum(axis=1) ** 2).sum() / 54**2
    by_prompt = 9 / 8 * (residual.sum(axis=0) ** 2).sum() / 54**2
    both = (residual**2).sum() / 54**2
    assert by_prompt > both
    assert scored(data).error[0] ** 2 == pytest.approx(by_rater + by_prompt - both)


def test_prompts_that_do_not_repeat_are_no_clusters():
    data = ratings([(r, 4 * r + k, 0, 1 + (r + k) % 5) for r in range(5) for k in range(4)])
    found = clustered_means(data, data.count)
    assert not found.two_way.any()
    assert (found.cov.beyond_raters == 0).all()


def covered(*, studies=1000, seed=1, effects, **kwargs):
    """How often the intervals of the four systems hold the truth."""
    rng = np.random.default_rng(seed)
    truth = expected_scores(QUALITY, 0.7, *effects.values())
    held = 0
    for _ in range(studies):
        data = simulated(rng, QUALITY, **effects, **kwargs)
        found = clustered_means(data, data.count)
        room = room_of_means(found.mean, found.scale)
        known = contrasts(found, found.cov, np.eye(4), room, level=0.95, rng=rng)
        held += (np.abs(found.mean - truth) <= known.half_width).mean()
    return held / studies


EFFECTS = {"bias": 0.4, "taste": 0.3, "difficulty": 0.3, "fit": 0.3}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raters", "prompts", "share", "effects"),
    [
        (40, 40, 0.3, EFFECTS),
        (40, 40, 0.3, {}),
        (40, 10, 0.5, {"bias": 0.4, "taste": 0.3, "difficulty": 0.2, "fit": 0.2}),
        (30, 30, 1.0, {"difficulty": 0.3, "fit": 0.4}),
        (24, 1, 1.0, {"bias": 0.4, "taste": 0.3}),
        (8, 30, 1.0, EFFECTS),
        (8, 30, 0.4, EFFECTS),
        (5, 20, 1.0, {"bias": 0.4, "taste": 0.3, "difficulty": 0.2, "fit": 0.2}),
        (3, 20, 1.0, {"bias": 0.4, "taste": 0.3, "difficulty": 0.2, "fit": 0.2}),
    ],
)
def test_intervals_cover_what_they_say(raters, prompts, share, effects):
    """Raters and prompts with effects of their own, many raters and few."""
    found = covered(effects=effects, raters=raters, prompts=prompts, share=share)
    assert BAND[0] <= found <= BAND[1]


@pytest.mark.slow
@pytest.mark.parametrize("raters", [30, 8])
@pytest.mark.parametrize("quality", [[3.2] * 5, [3.2, 3.2, 3.2, 2.0, 4.4]])
def test_equal_systems_are_told_apart_no_more_often_than_the_level_lets(raters, quality):
    """Ranks and Holm's p-values alike, at once over all pairs that are equal, others aside."""
    rng = np.random.default_rng(2)
    equal = {i for i, q in enumerate(quality) if q == 3.2}
    pairs = np.ix_(sorted(equal), sorted(equal))
    apart = significant = 0
    for _ in range(300):
        data = simulated(rng, np.array(quality), raters=raters, prompts=20, share=0.6, **EFFECTS)
        apart += mean_opinion_scores(data, rng=rng).ranks.apart[pairs].any()
        found = paired_differences(data, np.arange(5), rng=rng)
        significant += any(d.p_holm < 0.05 for d in found if {d.first, d.second} <= equal)
    most = 300 * 0.05 + 3 * (300 * 0.05 * 0.95) ** 0.5
    assert apart <= most
    assert significant <= most


def test_ranks_are_ranges_and_the_best_is_a_probability():
    rng = np.random.default_rng(3)
    data = simulated(rng, np.array([2.0, 3.9, 4.0]), raters=30, prompts=10, bias=0.3)
    ranks = scored(data).ranks
    assert ranks.rank[0] == ranks.low[0] == ranks.high[0] == 3
    assert ranks.best.sum() == pytest.approx(1)
    assert ranks.best[0] == 0
    assert ranks.apart[0].tolist() == [False, True, True]


def test_the_numbering_of_raters_changes_nothing():
    rng = np.random.default_rng(4)
    data = simulated(rng, QUALITY, raters=7, prompts=9, share=0.7, **EFFECTS)
    turned = replace(data, rater=6 - data.rater)
    one, two = scored(data), scored(turned)
    assert one.low == pytest.approx(two.low, abs=1e-9)
    assert one.ranks.low.tolist() == two.ranks.low.tolist()
    assert rater_bias(data).mean == pytest.approx(rater_bias(turned).mean, abs=1e-5)


def test_each_rater_can_be_left_out():
    """A rater who alone likes the second system; without whom it is last."""
    rows = [(r, p, s, 3 - s) for r in range(4) for p in range(3) for s in range(2)]
    rows += [(4, p, 1, 5) for p in range(9)] + [(4, 0, 0, 1)]
    data = ratings(rows)
    found = rater_shifts(data, scored(data).found.cov)
    assert found.share.sum() == pytest.approx(1)
    assert int(np.argmax(found.share)) == 4
    without = ratings(rows[:24])
    moved = np.abs(scored(without).mean - scored(data).mean).max()
    assert found.shift[4] == pytest.approx(moved)
    assert (found.rank_low.tolist(), found.rank_high.tolist()) == ([1, 1], [2, 2])


def test_differences_are_the_paired_t_test_where_each_prompt_has_a_rater_of_its_own():
    """Then raters and prompts are the same clusters."""
    rng = np.random.default_rng(5)
    first, second = rng.integers(2, 6, 20), rng.integers(1, 5, 20)
    rows = [(p, p, s, int(x[p])) for p in range(20) for s, x in enumerate((first, second))]
    (found,) = differences(ratings(rows), [0, 1])
    wanted = ttest_rel(first, second)
    assert found.value == pytest.approx((first - second).mean())
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
    ends = wanted.confidence_interval()
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.prompts == 20


def test_differences_leave_out_what_raters_and_prompts_do_to_both_systems():
    """Harsh raters and hard prompts widen the means, not the difference."""
    rng = np.random.default_rng(6)
    data = simulated(rng, np.array([3.4, 3.0]), raters=20, prompts=20, bias=0.6, difficulty=0.5,
                     noise=0.5)  # fmt: skip
    (found,) = differences(data, [0, 1])
    means = scored(data)
    assert found.high - found.low < 0.5 * (means.high[0] - means.low[0])
    assert found.p < 0.001


def test_differences_use_the_prompts_that_both_were_judged_on():
    """The first system had easy prompts beside these: its mean has them, the difference has not."""
    rows = [(r, p, s, 3 + (r + p) % 2) for r in range(4) for p in range(3) for s in range(2)]
    rows += [(r, 3 + p, 0, 5) for r in range(4) for p in range(3)]
    data = ratings(rows)
    (found,) = differences(data, [0, 1])
    assert scored(data).mean[0] - scored(data).mean[1] > 0.5
    assert (found.value, found.prompts) == (pytest.approx(0), 3)
    apart = ratings([(0, 0, 0, 3), (1, 0, 0, 4), (0, 1, 1, 3), (1, 1, 1, 5)])
    assert differences(apart, [0, 1]) == []


def test_holm_is_the_worked_example():
    """Holm (1979) step by step: 3, 2 and 1 times, never falling."""
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.5, 0.9])) == pytest.approx([1.0, 1.0])
    assert len(holm(np.zeros(0))) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(values):
    p = np.array(values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p)).all()
    assert same_order(p, adjusted)


def test_many_systems_are_each_compared_with_the_first():
    rng = np.random.default_rng(7)
    data = simulated(rng, np.linspace(2, 4, 21), raters=4, prompts=3)
    found = differences(data, np.arange(21)[::-1])
    assert {d.first for d in found} == {20}
    assert len(found) == 20


def test_the_ordinal_model_is_at_the_maximum_of_its_likelihood():
    rng = np.random.default_rng(8)
    data = simulated(rng, QUALITY, raters=30, prompts=10, noise=1.0)
    found = fit_ordinal(data)
    counts = data.distribution()

    def loss(parameters):
        effects = np.append(parameters[4:], -parameters[4:].sum())
        bounds = np.concatenate([[-np.inf], parameters[:4], [np.inf]])
        chance = np.diff(norm.cdf(bounds[None] - effects[:, None]), axis=1)
        return -(counts * np.log(np.maximum(chance, 1e-300))).sum()

    start = np.concatenate([found.thresholds, found.effect[:3]])
    best = minimize(loss, start + 0.05, method="BFGS", options={"gtol": 1e-6})
    assert start == pytest.approx(best.x, abs=1e-4)
    assert found.gradient_norm < 1e-8
    assert found.effect.sum() == pytest.approx(0, abs=1e-12)
    # Latent noise of sd 1: the effects are the qualities themselves.
    assert found.effect == pytest.approx(QUALITY - QUALITY.mean(), abs=0.15)


def test_the_ordinal_model_asks_for_scores_that_overlap():
    apart = ratings([(r, p, s, (1, 2, 4, 5)[2 * s + (r + p) % 2]) for r in range(3)
                     for p in range(4) for s in range(2)])  # fmt: skip
    with pytest.raises(NotEnoughData, match="overlap"):
        fit_ordinal(apart)
    only_fives = ratings([(r, p, s, 5 if s else 3 + (r + p) % 3) for r in range(3)
                          for p in range(3) for s in range(2)])  # fmt: skip
    with pytest.raises(NotEnoughData, match="overlap"):
        fit_ordinal(only_fives)
    with pytest.raises(NotEnoughData, match="two"):
        fit_ordinal(one_system([[1], [2], [3]]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_scores_turned_round_turn_all_results_round(seed):
    """6 minus each score: means, intervals and effects change sign, errors do not."""
    rng = np.random.default_rng(seed)
    data = simulated(rng, np.array([2.8, 3.2]), raters=16, prompts=6, noise=1.2, bias=0.4)
    turned = replace(data, score=6 - data.score)
    one, two = scored(data), scored(turned)
    assert two.mean == pytest.approx(6 - one.mean)
    assert two.error == pytest.approx(one.error)
    assert two.low == pytest.approx([6 - high for high in one.high])
    assert rater_bias(turned).mean == pytest.approx(6 - rater_bias(data).mean, abs=1e-4)
    assert fit_ordinal(turned).effect == pytest.approx(-fit_ordinal(data).effect, abs=1e-6)


def test_no_judgments_are_no_means():
    nothing = ratings([])
    for fails in (scored, rater_bias, fit_ordinal):
        with pytest.raises(NotEnoughData):
            fails(nothing)
    with pytest.raises(NotEnoughData, match="no judgments"):
        scored(replace(ratings([(0, 0, 0, 3)]), systems=2))


@pytest.mark.parametrize("score", [np.nan, 0, 6, 2.5, -1, np.inf])
def test_scores_off_the_scale_are_refused(score):
    data = ratings([(0, 0, 0, 3), (1, 0, 0, 4)])
    with pytest.raises(ImpossibleData, match="not one of 1 to 5"):
        replace(data, score=np.array([3, score]))
    with pytest.raises(ImpossibleData, match="count"):
        replace(data, count=np.array([1, 0]))


def test_one_rater_gives_no_interval_and_no_order():
    found = scored(ratings([(0, p, s, 1 + (p + s) % 5) for p in range(6) for s in range(2)]))
    assert (found.low, found.high, found.error) == ([None] * 2, [None] * 2, [None] * 2)
    assert (found.ranks.low.tolist(), found.ranks.high.tolist()) == ([1, 1], [2, 2])
    assert found.ranks.best is None


def test_a_system_that_one_rater_judged_may_have_any_rank():
    rng = np.random.default_rng(9)
    rows = [(r, p, s, int(rng.integers(1, 4)) + 2 * s) for r in range(9) for p in range(6)
            for s in range(2)]  # fmt: skip
    rows += [(0, p, 2, 5) for p in range(6)]
    found = scored(ratings(rows))
    assert found.low[2] is None
    assert (found.ranks.low[2], found.ranks.high[2]) == (1, 3)
    assert found.ranks.apart[0, 1]
    assert 0.1 < found.ranks.best[2] < 0.9
    assert [d.p for d in differences(ratings(rows), [2, 1, 0]) if d.first == 2] == [None, None]


def test_constant_ratings_are_never_certain():
    """Of ten raters who all say 5, a quarter of all raters could say otherwise: 1 - 0.05^(1/10)."""
    found = scored(one_system([[5]] * 10))
    could = 1 - 0.05**0.1
    assert (found.low[0], found.high[0]) == (pytest.approx(5 - 4 * could), 5)
    assert found.unanimous == [0]
    two = scored(ratings([(r, p, s, 5 - s) for r in range(2) for p in range(3) for s in range(2)]))
    assert not two.ranks.apart.any()
    many = ratings([(r, p, s, 5 - 3 * s) for r in range(60) for p in range(3) for s in range(2)])
    assert scored(many).ranks.apart[0, 1]
    (difference,) = differences(many, [0, 1])
    assert difference.low < 3 < difference.high
    assert 0 < difference.p < 0.05


def test_two_raters_who_happen_to_agree_are_no_proof():
    """Their means are the same to the last digit; their single scores are not."""
    rows = [(r, p, 0, (2, 4)[(r + p) % 2]) for r in range(2) for p in range(4)]
    found = scored(ratings(rows))
    assert found.high[0] - found.low[0] > 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2),
                          st.integers(1, 5)), min_size=1, max_size=25))  # fmt: skip
def test_whatever_was_judged_no_result_is_nan(rows):
    seen = sorted({row[2] for row in rows})
    data = ratings([(r, p, seen.index(s), x) for r, p, s, x in rows])
    found = scored(data)
    for value in (*found.low, *found.high, *found.error, *found.sd):
        assert value is None or np.isfinite(value)
    for low, mean, high in zip(found.low, found.mean, found.high, strict=True):
        assert low is None or 1 <= low <= mean <= high <= 5
    assert (found.ranks.low <= found.ranks.rank).all()
    assert (found.ranks.rank <= found.ranks.high).all()
    for d in differences(data, np.argsort(-found.mean)):
        assert d.p is None or 0 < d.p <= d.p_holm <= 1
    with suppress(NotConverged, NotEnoughData):
        assert np.isfinite(rater_bias(data).mean).all()
