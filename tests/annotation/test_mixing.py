"""Where checks stand: one a block, at a place that nobody foresees, and always as many as told."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from annotation.mixing import Mix, draw

mixes = st.builds(
    Mix, every=st.integers(2, 30), seed=st.integers(0, 2**63 - 1), rater=st.text(max_size=12)
)


@given(mixes, st.integers(0, 50))
def test_every_block_has_exactly_one_check(mix, block):
    start = block * mix.every
    assert sum(mix.is_due(start + place) for place in range(mix.every)) == 1


@given(mixes, st.integers(0, 200))
def test_the_number_told_is_the_number_met(mix, tasks):
    answered = checks = others = 0
    while others < tasks:
        if mix.is_due(answered):
            checks += 1
        else:
            others += 1
        answered += 1
    assert mix.checks_among(tasks) == checks


def test_no_rate_means_no_checks():
    mix = Mix(every=0, seed=1, rater="bob")
    assert not any(mix.is_due(answered) for answered in range(100))
    assert mix.checks_among(100) == 0


def test_the_places_of_raters_are_even_and_their_own():
    places = [
        next(n for n in range(10) if Mix(every=10, seed=7, rater=f"rater {r}").is_due(n))
        for r in range(2000)
    ]
    counts = Counter(places)
    assert set(counts) == set(range(10))
    # 2,000 draws over 10 places: a standard deviation of 13.4; five of them.
    assert max(abs(count - 200) for count in counts.values()) < 68


def test_the_places_of_a_rater_change_from_block_to_block():
    mix = Mix(every=10, seed=7, rater="bob")
    places = {n % 10 for n in range(200) if mix.is_due(n)}
    assert len(places) > 5


@given(st.integers(0, 2**63), st.text(), st.integers(1, 1000))
def test_a_draw_is_below_its_bound_and_the_same_each_time(seed, name, below):
    drawn = draw(seed, name, below=below)
    assert 0 <= drawn < below
    assert drawn == draw(seed, name, below=below)
