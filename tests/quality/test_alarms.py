"""Alarms: a rule that breaks is seen, one that works is left alone, small numbers are silent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from annotation.quality.alarms import WINDOWS, Alarm, design_effect, hits_most, jump, rates

RATER_WINDOW = WINDOWS["rater"]


def units(*stretches: tuple[int, int]):
    """Stretches (hits, units) in the order of time, each unit a rater of its own."""
    hit = np.concatenate([np.arange(n) < hits for hits, n in stretches])
    return hit, np.arange(len(hit))


def test_the_jump_is_fishers_exact_test_for_independent_units():
    hit, rater = units((4, 100), (9, 20))
    expected = fisher_exact([[9, 11], [4, 96]], alternative="greater").pvalue
    assert jump(hit, rater, 20) == pytest.approx(expected)


def test_a_rule_that_begins_to_hit_everybody_is_an_alarm():
    found = rates(*units((2, 60), (18, 20)), window=RATER_WINDOW)
    assert (found.alarm, found.late_hits, found.earlier_hits) == (Alarm.JUMP, 18, 2)


def test_a_steady_rate_is_none_however_high():
    found = rates(*units((20, 60), (7, 20)), window=RATER_WINDOW)
    assert found.alarm == Alarm.NONE


def test_a_rate_that_falls_is_none():
    assert rates(*units((30, 60), (0, 20)), window=RATER_WINDOW).alarm == Alarm.NONE


def test_few_hits_are_none_even_where_there_were_none_before():
    hit, rater = units((0, 10**4), (4, 20))
    assert jump(hit, rater, 20) == 1
    assert rates(hit, rater, window=RATER_WINDOW).alarm == Alarm.NONE


def test_without_a_time_before_there_is_no_jump():
    assert rates(*units((0, 19), (9, 20)), window=RATER_WINDOW).alarm == Alarm.NONE


def test_a_rule_that_was_broken_from_the_start_hits_most():
    assert rates(*units((12, 12)), window=RATER_WINDOW).alarm == Alarm.MOST
    assert not hits_most(*units((5, 6)))
    assert not hits_most(*units((50, 100)))


def test_no_units_are_no_alarm():
    assert rates(*units((0, 0)), window=RATER_WINDOW).alarm == Alarm.NONE


def test_one_rater_who_clicks_does_not_look_like_a_broken_rule():
    """500 judgments of late by ten raters; one of them is hit in all 50."""
    rater = np.repeat(np.arange(40), 50)
    hit = rater == 35
    hit[::400] = True
    assert rates(hit, rater, window=500).alarm == Alarm.NONE


def test_many_raters_who_are_hit_now_and_then_do():
    rng = np.random.default_rng(2)
    rater = np.repeat(np.arange(40), 50)
    hit = rng.random(2000) < np.where(np.arange(2000) < 1500, 0.02, 0.4)
    assert rates(hit, rater, window=500).alarm == Alarm.JUMP


def test_the_design_effect_is_the_size_of_raters_who_are_all_or_nothing():
    rater = np.repeat(np.arange(1000), 10)
    hit = np.repeat(np.arange(1000) % 2 == 0, 10)
    assert design_effect(hit, rater) == pytest.approx(10, rel=0.01)


@pytest.mark.slow
def test_a_steady_rule_raises_a_false_alarm_in_few_studies_though_it_is_looked_at_often():
    """150 raters, a look after each second one: at most one study in twenty has an alarm."""
    rng = np.random.default_rng(11)
    studies, alarms = 100, 0
    for _ in range(studies):
        hit = rng.random(150) < rng.uniform(0.02, 0.3)
        rater = np.arange(150)
        seen = (rates(hit[:n], rater[:n], window=RATER_WINDOW).alarm for n in range(2, 151, 2))
        alarms += any(seen)
    assert alarms / studies <= 0.05


@pytest.mark.slow
def test_a_rule_that_breaks_is_seen_before_twenty_more_raters_have_come():
    """From 5 % to 60 %: seen within twenty raters in at least nine studies of ten."""
    rng = np.random.default_rng(12)
    studies, seen = 100, 0
    for _ in range(studies):
        hit = np.concatenate([rng.random(100) < 0.05, rng.random(20) < 0.6])
        looks = (rates(hit[:n], np.arange(n), window=RATER_WINDOW).alarm for n in range(101, 121))
        seen += any(looks)
    assert seen / studies >= 0.9
