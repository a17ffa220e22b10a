"""Rules: what they hit, what they say of it, and whom they leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from annotation.quality.columns import ATTENTION, GOLD
from annotation.quality.measures import MEASURES, Needs
from annotation.quality.rule_sets import RULE_SETS, basic, mushra, p808
from annotation.quality.rules import RuleSpec, evaluate
from tests.quality.columns import make_columns
from tests.quality.simulated import simulate_pairwise, simulate_scores

PAIRS = frozenset({Needs.NOTHING, Needs.FEW_ANSWERS, Needs.SIDES})
SCORES = frozenset({Needs.NOTHING, Needs.FEW_ANSWERS, Needs.SCORES})
GOLD_RULE = RuleSpec(name="gold", measure="gold", threshold=0.7, least=4, beyond_doubt=False)


def gold_columns(*right: tuple[int, int]):
    """Raters (right, asked), all on gold tasks."""
    rater = [who for who, (_, asked) in enumerate(right) for _ in range(asked)]
    off = [float(i >= good) for good, asked in right for i in range(asked)]
    return make_columns(rater, raters=len(right), check=[GOLD] * len(rater), off=off)


def test_too_few_judgments_are_unknown_and_no_hit():
    found = evaluate(GOLD_RULE, gold_columns((0, 3), (0, 4), (0, 0)))
    assert found.known.tolist() == [False, True, False]
    assert found.hit.tolist() == [False, True, False]


def test_the_threshold_itself_is_no_hit():
    assert evaluate(GOLD_RULE, gold_columns((7, 10), (6, 10))).hit.tolist() == [False, True]


def test_beyond_doubt_spares_the_unlucky():
    strict = replace(GOLD_RULE, beyond_doubt=True)
    columns = gold_columns((3, 5), (24, 40), (16, 40))
    assert evaluate(GOLD_RULE, columns).hit.tolist() == [True, True, True]
    assert evaluate(strict, columns).hit.tolist() == [False, False, True]


def test_the_reason_holds_the_numbers_and_the_rule():
    (hit,) = evaluate(GOLD_RULE, gold_columns((1, 5))).hits()
    assert (hit.rater, hit.judgment) == (0, None)
    assert hit.reason == (
        "gold tasks answered right: 20% (4% to 62%), from 5 judgments. "
        "The rule: below 70%; from 4 judgments on."
    )


def test_a_side_is_preferred_on_either_side():
    rule = RuleSpec(name="side", measure="side", threshold=0.75, least=20)
    a_left = [1, 0] * 30
    columns = make_columns(
        [who for who in range(3) for _ in range(60)],
        a_left=a_left * 3,
        chose_left=[1] * 60 + [0] * 60 + a_left,
    )
    assert evaluate(rule, columns).hit.tolist() == [True, True, False]


def test_a_rule_of_judgments_hits_single_ones():
    rule = RuleSpec(name="haste", measure="haste", threshold=1, least=2)
    columns = make_columns([0, 0, 1], seconds=[0.2, 5, 0.2], judgment=[11, 12, 13])
    (hit,) = evaluate(rule, columns).hits()
    assert (hit.rater, hit.judgment) == (0, 11)


def test_a_rule_of_stretches_hits_all_judgments_of_the_stretch_and_no_other():
    rule = replace(GOLD_RULE, per=3, least=1, threshold=1)
    columns = make_columns(
        [0] * 7,
        check=[GOLD, 0, 0, GOLD, 0, 0, 0],
        off=[0, np.nan, np.nan, 2, np.nan, np.nan, np.nan],
    )
    found = evaluate(rule, columns)
    assert [hit.judgment for hit in found.hits()] == [4, 5, 6]
    assert found.known.tolist() == [True, True, False]
    assert found.raters_hit == {0}


def test_the_rates_are_in_the_order_in_which_raters_came():
    """Raters are numbered by name, not by time: of late are those who began last."""
    asked = 5
    columns = gold_columns(*[(0, asked)] * 20, *[(asked, asked)] * 40)
    came_last = replace(columns, judgment=np.roll(columns.judgment, 20 * asked))
    assert evaluate(GOLD_RULE, columns).rates.late_hits == 0
    found = evaluate(GOLD_RULE, came_last).rates
    assert (found.late_hits, found.earlier_hits, found.alarm) == (20, 0, "jump")


@pytest.mark.parametrize("name", RULE_SETS)
def test_the_rules_of_a_set_are_well_formed_and_say_what_they_do(name):
    needs, make = RULE_SETS[name]
    rules = make(PAIRS | SCORES | {needs})
    assert len({rule.name for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.measure in MEASURES
        assert rule.name.startswith(f"{name}: ")
        assert rule.in_words
    assert make.__doc__


# P.808


def p808_columns(scores: list[int], *, trap: float = 0, gold: float = 0):
    """One session of ten scores, a trap and a gold."""
    off = [np.nan] * 10 + [trap, gold]
    check = [0] * 10 + [ATTENTION, GOLD]
    return make_columns([0] * 12, score=[*scores, 5, 1], off=off, check=check)


def hit_by(rules, columns) -> set[str]:
    return {rule.name for rule in rules for _ in evaluate(rule, columns).hits()}


VARIED = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_p808_leaves_a_good_session_alone():
    assert hit_by(p808(SCORES), p808_columns(VARIED)) == set()
    assert hit_by(p808(SCORES), p808_columns(VARIED, gold=1)) == set()


def test_p808_leaves_out_sessions_by_trap_gold_and_variance():
    assert hit_by(p808(SCORES), p808_columns(VARIED, trap=1)) == {"p808: trap"}
    assert hit_by(p808(SCORES), p808_columns(VARIED, gold=2)) == {"p808: gold"}
    # Variance 0.1 exactly stays: nine equal scores and one next to them.
    assert hit_by(p808(SCORES), p808_columns([3] * 9 + [4])) == set()
    assert hit_by(p808(SCORES), p808_columns([3] * 10)) == {"p808: variance"}


def test_p808_leaves_out_the_session_and_not_the_rater():
    good, bad = p808_columns(VARIED), p808_columns(VARIED, trap=1)
    both = make_columns(
        [0] * 24,
        score=[*good.score, *bad.score],
        off=[*good.off, *bad.off],
        check=[*good.check, *bad.check],
    )
    (trap, *_) = p808(SCORES)
    assert [hit.judgment for hit in evaluate(trap, both).hits()] == list(range(13, 25))


def test_p808_leaves_out_a_score_from_3_29_deviations_on():
    # n - 1 equal scores and one other: its z is sqrt(n - 1).
    for n, is_hit in ((11, False), (12, True)):
        columns = make_columns([*range(n)], score=[5] * (n - 1) + [1])
        assert (hit_by(p808(SCORES), columns) == {"p808: outlier"}) == is_hit


# MUSHRA

MUSHRA = mushra(frozenset(), anchor="mid")


def mushra_columns(reference: list[float], anchor: list[float]):
    """A rater, and nine others who hear it all."""
    n = len(reference)
    return make_columns(
        [who for who in range(10) for _ in range(n)],
        task=[*range(n)] * 10,
        reference=[*reference, *[100.0] * 9 * n],
        anchor=[*anchor, *[20.0] * 9 * n],
    )


def test_mushra_excludes_above_fifteen_in_a_hundred_of_the_tasks():
    low, fine = [50.0] * 3 + [95.0] * 17, [20.0] * 20
    assert hit_by(MUSHRA, mushra_columns(low, fine)) == set()
    low[3] = 89
    assert hit_by(MUSHRA, mushra_columns(low, fine)) == {"mushra: reference"}
    high = [95.0] * 4 + [20.0] * 16
    found = mushra_columns([95.0] * 20, high)
    assert hit_by(MUSHRA, found) == {"mushra: anchor"}


def test_mushra_decides_nothing_on_six_tasks():
    assert hit_by(MUSHRA, mushra_columns([10.0] * 6, [95.0] * 6)) == set()


# Simulated raters


@pytest.mark.slow
def test_the_basic_rules_find_bad_raters_of_pairs_and_leave_good_ones():
    """Ten good raters and one of each bad kind, 80 tasks each: all three bad are found in 95 of
    100 studies at least, and of a thousand good raters at most five are hit."""
    rng = np.random.default_rng(7)
    kinds = ["good"] * 10 + ["clicker", "straight-liner", "left-clicker"]
    found = np.zeros(len(kinds))
    for _ in range(100):
        columns = simulate_pairwise(kinds, tasks=120, per_rater=80, rng=rng)
        hit = set().union(*(evaluate(rule, columns).raters_hit for rule in basic(PAIRS)))
        found += [who in hit for who in range(len(kinds))]
    assert (found[10:] >= 95).all(), found
    assert found[:10].sum() <= 5


@pytest.mark.slow
def test_the_basic_rules_find_bad_raters_of_scores_and_leave_good_ones():
    """60 scores and 12 golds each: a patient clicker is found in 85 of 100 studies at least."""
    rng = np.random.default_rng(8)
    kinds = ["good"] * 10 + ["clicker", "straight-liner"]
    found = np.zeros(len(kinds))
    for _ in range(100):
        columns = simulate_scores(kinds, tasks=72, rng=rng)
        hit = set().union(*(evaluate(rule, columns).raters_hit for rule in basic(SCORES)))
        found += [who in hit for who in range(len(kinds))]
    assert (found[10:] >= [85, 95]).all(), found
    assert found[:10].sum() <= 5


@pytest.mark.slow
def test_p808_takes_most_sessions_of_clickers_and_few_of_good_raters():
    """Of a clicker's judgments more than half are left out, of a good rater's less than a tenth."""
    rng = np.random.default_rng(9)
    kinds = ["good"] * 10 + ["clicker", "straight-liner"]
    out, given = np.zeros(len(kinds)), np.zeros(len(kinds))
    for _ in range(40):
        columns = simulate_scores(kinds, tasks=72, rng=rng)
        hits = {(h.rater, h.judgment) for r in p808(SCORES) for h in evaluate(r, columns).hits()}
        for rater, _judgment in hits:
            out[rater] += 1
        given += np.bincount(columns.rater, minlength=len(kinds))
    share = out / given
    assert (share[:10] < 0.1).all(), share
    assert (share[10:] > 0.5).all(), share
