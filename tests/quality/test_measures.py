"""What is measured of raters: by hand where it can be, and against plain loops elsewhere."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, pearsonr, zscore

from annotation.quality import answers, behaviour
from annotation.quality.columns import ATTENTION, GOLD
from annotation.quality.measures import MEASURES
from annotation.quality.shares import wilson
from tests.quality.columns import make_columns


def value(measured) -> list[Any]:
    return [None if math.isnan(v) else pytest.approx(v) for v in measured.value]


def test_wilson_is_that_of_scipy_and_everything_without_trials():
    trials = np.array([0.0, 1, 7, 40, 40])
    successes = np.array([0.0, 1, 3, 0, 40])
    low, high = wilson(successes, trials)
    assert (low[0], high[0]) == (0, 1)
    for i in range(1, 5):
        expected = binomtest(int(successes[i]), int(trials[i])).proportion_ci(method="wilson")
        assert (low[i], high[i]) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_says_unknown_where_there_is_nothing_to_measure(name):
    for columns in (make_columns([], raters=2), make_columns([0, 0, 1])):
        found = MEASURES[name].take(columns)
        units = len(columns) if MEASURES[name].of_judgments else columns.groups
        assert len(found.value) == len(found.count) == units
        if name != "agreement":  # three tasks by one rater each: nothing, too
            assert np.isnan(found.value).all() or name in ("haste", "quick", "pace")
        assert (
            not MEASURES[name].offends(found, 0.5, beyond_doubt=False)[np.isnan(found.value)].any()
        )


# Clicking


def test_pace_is_sixty_by_the_median_so_that_a_break_does_not_count():
    columns = make_columns([0, 0, 0, 1, 1, 2], seconds=[10, 20, 3600, 4, 8, np.nan])
    found = behaviour.pace(columns)
    assert value(found) == [3, 10, None]
    assert found.count.tolist() == [3, 2, 0]


def test_an_answer_in_no_time_has_a_pace_all_the_same():
    assert np.isfinite(behaviour.pace(make_columns([0], seconds=[0])).value).all()


def test_the_floor_grows_with_the_text_up_to_a_limit():
    floor = behaviour.floor_seconds(np.array([0, 500, 10**6]))
    assert floor[0] == 1
    assert floor[1] == pytest.approx(1 + 500 / 113.05)
    assert floor[2] == 10


def test_quick_counts_answers_below_their_floor_and_not_those_without_a_time():
    columns = make_columns([0, 0, 0, 0], seconds=[0.5, 3, 3, np.nan], characters=[0, 0, 1000, 0])
    found = behaviour.quick(columns)
    assert value(found) == [2 / 3]
    assert behaviour.haste(columns).value[:3] == pytest.approx([0.5, 3, 3 / (1 + 1000 / 113.05)])


def test_the_longest_run_is_in_buttons_and_ends_with_the_rater():
    columns = make_columns([0] * 6 + [1] * 3, pressed=[1, 1, 0, 0, 0, 1, 1, 1, -1])
    assert value(behaviour.longest_run(columns)) == [3, 2]
    found = behaviour.runs(columns)
    assert found.length.tolist() == [2, 3, 1, 2]
    assert found.start.tolist() == [0, 2, 5, 6]


def test_same_is_the_share_of_the_button_pressed_most():
    columns = make_columns([0] * 4 + [1] * 2, pressed=[2, 2, 0, 2, 1, 3])
    assert value(behaviour.same(columns)) == [0.75, 0.5]


def test_whoever_always_clicks_left_is_all_left_and_whoever_likes_a_is_in_the_middle():
    a_left = [1, 0] * 10
    lefty = make_columns([0] * 20, a_left=a_left, chose_left=[1] * 20)
    assert value(behaviour.side(lefty)) == [1]
    fan_of_a = make_columns([0] * 20, a_left=a_left, chose_left=a_left)
    found = behaviour.side(fan_of_a)
    assert value(found) == [0.5]
    assert found.low[0] < 0.5 < found.high[0]


def test_a_rater_who_saw_a_strong_system_mostly_on_the_left_does_not_prefer_left():
    # a is better and always chosen; it stood left in 18 of 20.
    a_left = [1] * 18 + [0] * 2
    found = behaviour.side(make_columns([0] * 20, a_left=a_left, chose_left=a_left))
    assert value(found) == [0.5]


def test_a_side_that_was_never_shown_leaves_the_preference_unknown():
    found = behaviour.side(make_columns([0, 0], a_left=[1, 1], chose_left=[1, 1]))
    assert value(found) == [None]


@pytest.mark.slow
def test_the_interval_of_a_side_covers():
    rng = np.random.default_rng(5)
    raters, n = 4000, 30
    a_left = np.tile([1, 0], raters * n // 2)
    left = rng.random(raters * n) < np.where(a_left == 1, 0.8, 0.5)
    found = behaviour.side(
        make_columns(np.repeat(np.arange(raters), n).tolist(), a_left=a_left, chose_left=left)
    )
    covered = (found.low <= 0.65) & (found.high >= 0.65)
    assert 0.93 <= covered.mean() <= 0.98


def test_variance_is_the_samples_and_leaves_checks_out():
    columns = make_columns([0] * 5 + [1], score=[1, 3, 5, 4, 1, 2], check=[0, 0, 0, GOLD, 2, 0])
    found = behaviour.variance(columns)
    assert value(found) == [4, None]


# Answers


def test_gold_and_attention_are_told_apart_and_one_point_off_is_near():
    columns = make_columns(
        [0] * 5, check=[GOLD, GOLD, GOLD, ATTENTION, 0], off=[0, 1, 2, 1, np.nan]
    )
    assert value(answers.gold(columns)) == [1 / 3]
    assert value(answers.gold_within_1(columns)) == [2 / 3]
    assert value(answers.attention(columns)) == [0]


def test_consistency_counts_pairs_of_judgments_on_one_task():
    # Task 7 three times: a a b, one pair of three; task 8 twice the same; task 9 once.
    columns = make_columns([0] * 6, task=[7, 7, 7, 8, 8, 9], answer=[0, 0, 1, 2, 2, 0])
    found = answers.consistency(columns)
    assert value(found) == [0.5]
    assert found.count.tolist() == [4]


def plain_agreement(rater, task, answer, who) -> Any:
    shares = []
    for r, t, a in zip(rater, task, answer, strict=True):
        rest = [x for q, u, x in zip(rater, task, answer, strict=True) if u == t and q != r]
        if r == who and rest:
            shares.append(sum(x == a for x in rest) / len(rest))
    return pytest.approx(sum(shares) / len(shares)) if shares else None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40
    )
)
def test_agreement_is_that_of_a_plain_loop_also_with_repeats(rows):
    rater, task, answer = (list(column) for column in zip(*rows, strict=True))
    found = answers.agreement(make_columns(rater, raters=4, task=task, answer=answer))
    assert value(found) == [plain_agreement(rater, task, answer, who) for who in range(4)]
    assert (found.low[found.count < 2] == 0).all()


def test_correlation_is_pearsons_with_the_mean_of_the_others():
    rng = np.random.default_rng(1)
    scores = rng.integers(1, 6, (4, 12))
    rater, task = (g.ravel().tolist() for g in np.indices((4, 12)))
    found = answers.correlation(make_columns(rater, task=task, score=scores.ravel().tolist()))
    for who in range(4):
        others = np.delete(scores, who, axis=0).mean(axis=0)
        expected = pearsonr(scores[who], others)
        interval = expected.confidence_interval()
        assert found.value[who] == pytest.approx(expected.statistic)
        assert (found.low[who], found.high[who]) == pytest.approx((interval.low, interval.high))


def test_a_rater_who_gives_one_score_has_no_correlation():
    columns = make_columns([0] * 5 + [1] * 5, task=[*range(5)] * 2, score=[3] * 5 + [1, 2, 3, 4, 5])
    assert value(answers.correlation(columns)) == [None, None]


def test_deviation_is_the_z_score_within_a_system_without_the_checks():
    scores = [1, 5, 5, 5, 4, 2, 2, 3]
    columns = make_columns(
        [0] * 8, system=[0, 0, 0, 0, 0, 1, 1, 1], score=scores, check=[0] * 4 + [GOLD] + [0] * 3
    )
    found = answers.deviation(columns)
    assert found.value[:4] == pytest.approx(np.abs(zscore(scores[:4])))
    assert found.value[5:] == pytest.approx(np.abs(zscore(scores[5:])))
    assert np.isnan(found.value[4])
    assert found.count.tolist() == [4, 4, 4, 4, 0, 3, 3, 3]


def test_equal_scores_of_a_system_have_no_outlier():
    assert np.isnan(answers.deviation(make_columns([0] * 4, score=[3] * 4)).value).all()


def test_mushra_counts_references_below_and_anchors_above_ninety():
    columns = make_columns(
        [0] * 4, reference=[89, 90, 100, np.nan], anchor=[91, 90, 20, np.nan], task=[1, 2, 3, 4]
    )
    assert value(answers.reference_low(columns)) == [1 / 3]


def test_a_mushra_task_whose_anchor_many_rate_high_says_nothing_of_raters():
    # Task 0: two of four give the anchor 95. Task 1: one of four, which is no more than a quarter.
    columns = make_columns(
        [0, 1, 2, 3] * 2, task=[0] * 4 + [1] * 4, anchor=[95, 95, 10, 10, 95, 10, 10, 10]
    )
    found = answers.anchor_high(columns)
    assert value(found) == [1, 0, 0, 0]
    assert found.count.tolist() == [1] * 4


# Stretches


def test_stretches_are_of_one_rater_in_a_row_and_the_last_is_short():
    columns = make_columns([0] * 5 + [1] * 3).in_stretches(2)
    assert columns.group.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]
    assert columns.group_rater.tolist() == [0, 0, 0, 1, 1]
    assert columns.group_start.tolist() == [1, 3, 5, 6, 8]


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(2, 7))
def test_stretches_hold_every_judgment_once(rater, per):
    columns = make_columns(rater, raters=5)
    cut = columns.in_stretches(per)
    assert cut.sizes.sum() == len(rater)
    assert (cut.sizes <= per).all()
    assert cut.groups == sum(-(-rater.count(r) // per) for r in range(5))
    for a, b in combinations(range(cut.groups), 2):
        assert set(cut.judgment[cut.group == a]).isdisjoint(cut.judgment[cut.group == b])


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("pace", 4.12, "4.1"), ("pace", 118.0, "118"), ("pace", 0.123, "0.12"),
        ("run", 25.0, "25"), ("quick", 0.125, "12%"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_exactly_as_it_is_of_use(name, value, shown):
    assert MEASURES[name].show(value) == shown


def test_a_limit_is_shown_as_it_was_declared():
    assert MEASURES["quick"].limit(0.125) == "12.5%"
    assert MEASURES["pace"].limit(12.25) == "12.25"
