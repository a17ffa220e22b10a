"""The sounds of the audio gate are what they are said to be, and guessing passes as stated."""

from __future__ import annotations

import io
import itertools
import re
import wave
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from annotation.audio_gate.parts import ALL, PARTS, SOUNDS, chance_of
from annotation.audio_gate.sounds import (
    BEEP_LEVELS,
    NOISE_LEVEL,
    RATE,
    antiphase,
    beeps,
    huggins,
    side,
    volume_wav,
)

DOCS = Path(__file__).parents[2] / "docs" / "audio-gate.md"
SEED = [2026, 1]


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples)))))


def read(file: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (2, 2, RATE)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2) / 2**15


def intervals(sound: np.ndarray) -> list[np.ndarray]:
    """Cut three intervals of a second, half a second apart."""
    starts = [round(i * 1.5 * RATE) for i in range(3)]
    return [sound[start : start + RATE] for start in starts]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_pitch_is_in_the_difference_of_the_ears_and_in_neither_of_them(place):
    for i, noise in enumerate(intervals(huggins(rng(), place, 0))):
        difference = np.abs(np.fft.rfft(noise[:, 0] - noise[:, 1])) ** 2
        hz = np.fft.rfftfreq(RATE, 1 / RATE)
        band = np.abs(hz - 600) <= 36
        if i != place:
            assert not difference.any()
            continue
        assert difference[band].sum() > 0.98 * difference.sum()
        for ear in noise.T:  # neither ear has more, or less, in the band than beside it
            power = np.abs(np.fft.rfft(ear)) ** 2
            beside = (np.abs(hz - 600) > 40) & (np.abs(hz - 600) <= 300)
            assert 0.7 < power[band].mean() / power[beside].mean() < 1.4


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_quiet_tone_is_six_decibels_softer_and_another_cancels_in_the_air(place):
    tones = intervals(antiphase(rng(), place, 0))
    levels = [level(tone[:, 0]) for tone in tones]
    assert levels[place] == pytest.approx(max(levels) - 6)
    in_the_air = [np.abs(tone.sum(axis=1)).max() for tone in tones]
    cancelled = [i for i, sum_ in enumerate(in_the_air) if sum_ < 1e-12]
    assert len(cancelled) == 1
    assert cancelled[0] != place


def test_left_and_right_are_in_the_bytes_of_the_file():
    part = PARTS["ears"]
    left, right, both = (read(part.sound(SEED, place, 0)) for place in range(3))
    for sound, (loud, silent) in ((left, (0, 1)), (right, (1, 0))):
        assert level(sound[:, loud]) > -35
        assert np.abs(sound[:, silent]).max() <= 1.5 / 2**15  # dither
    assert level(both[:, 0]) == pytest.approx(level(both[:, 1]), abs=0.1)
    assert len({part.sound(SEED, place, 0) for place in range(3)}) == 3


@pytest.mark.parametrize("number", range(SOUNDS))
def test_beeps_can_be_counted_and_fall_in_level(number):
    for place in range(6):
        ear = beeps(rng(place), place, number)[:, 0]
        slots = ear.reshape(6, -1)
        heard = slots[np.abs(slots).max(axis=1) > 0]
        assert len(heard) == place + 1
        middle = heard[0][round(0.05 * RATE) : round(0.2 * RATE)]
        assert level(middle) == pytest.approx(NOISE_LEVEL + BEEP_LEVELS[number], abs=0.1)


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.name)
def test_no_size_tells_what_is_right_and_a_seed_makes_the_same_bytes(part):
    files = [part.sound(SEED, right, n) for right in range(part.possible) for n in range(SOUNDS)]
    assert len({len(file) for file in files}) == 1
    assert len(set(files)) == len(files)
    assert part.sound(SEED, 0, 0) == files[0]
    assert np.abs(read(files[0])).max() < 0.9
    # The header and the samples, nothing else that could say something.
    assert len(files[0]) == 44 + 4 * len(read(files[0]))


def test_the_volume_is_set_by_noise_at_the_level_of_the_noises_that_follow():
    noise = read(volume_wav())
    assert level(noise) == pytest.approx(NOISE_LEVEL, abs=0.1)
    assert level(side(rng(), 2, 0)) < level(noise)


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.name)
def test_guessing_passes_as_often_as_is_stated(part):
    """Every row of answers against every row that may be right: the best one is the chance."""
    rows = list(itertools.product(range(part.possible), repeat=SOUNDS))
    allowed = [row for row in rows if not part.has_each or len(set(row)) == part.possible]
    # By symmetry all allowed rows of answers do equally well; one is enough.
    guess = allowed[-7]
    passes = sum(part.is_passed(right, guess) for right in allowed)
    assert Fraction(passes, len(allowed)) == part.chance


def test_the_stated_chances():
    assert {part.name: part.chance for part in ALL} == {
        "headphones": Fraction(1, 729),
        "antiphase": Fraction(13, 729),
        "ears": Fraction(1, 540),
        "hearing": Fraction(31, 46656),
    }
    assert chance_of(["antiphase"]) == 1 - (1 - Fraction(13, 729)) ** 2
    assert chance_of(["headphones", "ears"], attempts=1) == Fraction(1, 729 * 540)


def test_the_documentation_states_the_same_chances():
    table = re.findall(
        r"^\| `(\w+)` .*\| ([\d.]+) % \| ([\d.]+) % \|$", DOCS.read_text(), re.MULTILINE
    )
    stated = {name: (float(once), float(twice)) for name, once, twice in table}
    assert stated == {
        part.name: (
            round(100 * float(part.chance), 3),
            round(100 * float(chance_of([part.name])), 3),
        )
        for part in ALL
    }


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.name)
def test_what_is_right_is_drawn_evenly(part):
    generator = rng(7)
    drawn = Counter(place for _ in range(3000) for place in part.draw(generator))
    assert sorted(drawn) == list(range(part.possible))
    expected = 3000 * SOUNDS / part.possible
    assert sum((n - expected) ** 2 / expected for n in drawn.values()) < 25  # 5 df: p = 0.0001


def test_a_deaf_ear_cannot_tell_left_from_both():
    """Whoever hears the left one only answers by a coin where it sounds; the part finds most."""
    part, generator = PARTS["ears"], rng(3)
    passed = 0
    for _ in range(2000):
        right = part.draw(generator)
        answers = [1 if place == 1 else int(generator.choice([0, 2])) for place in right]
        passed += part.is_passed(right, answers)
    assert passed / 2000 < 0.12
