"""Sound: measured as the standard says, and served so that nothing tells systems apart."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.media_files.refusals import Limits, MediaRefused
from generation.media_files.sounds import loudness_of, read_sound, take_sound
from tests.media.makers import sine

LIMITS = Limits(seconds=10)


def read(content: bytes):
    return read_sound(content, LIMITS)


def serve(content: bytes, loudness: float | None = -23.0):
    return take_sound(content, LIMITS, loudness=loudness)[1]


def decoded(content: bytes) -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(io.BytesIO(content), always_2d=True)
    return samples, rate


def test_a_full_scale_sine_is_as_loud_as_bs_1770_says():
    """Annex 1: a 997 Hz sine at full scale in one channel reads -3.01 LKFS; in two, 0.00.

    Meters may be off by 0.1 LU (EBU Tech 3341).
    """
    both = loudness_of(read(sine(2, height=0.999, rate=48_000, channels=2)))
    one = loudness_of(read(sine(2, height=0.999, rate=48_000)))
    assert both == pytest.approx(0.0, abs=0.1)
    assert one == pytest.approx(both, abs=0.01)  # it is served on both sides


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("format", ["WAV", "FLAC"])
def test_every_sound_is_served_alike(rate, channels, format):
    served = serve(sine(rate=rate, channels=channels, format=format))
    samples, served_rate = decoded(served.content)
    assert (served.mime, served_rate, samples.shape) == ("audio/wav", 48_000, (48_000, 2))
    assert np.array_equal(samples[:, 0], samples[:, 1])
    assert served.loudness == pytest.approx(-23, abs=0.01)
    assert loudness_of(read(served.content)) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("format", ["WAV", "FLAC", "MP3", "OGG", "AIFF"])
def test_every_format_is_read(format):
    sound = read(sine(format=format))
    assert sound.rate == 16_000
    assert sound.seconds == pytest.approx(1, abs=0.2)


@settings(max_examples=20, deadline=None)
@given(
    seconds=st.floats(0.001, 0.6),
    height=st.floats(0.0001, 1),
    wanted=st.floats(-40, -1),
    channels=st.sampled_from([1, 2]),
)
def test_the_highest_sample_stays_below_the_peak_however_loud_is_wanted(
    seconds, height, wanted, channels
):
    sound = sine(seconds, height=height, rate=48_000, hertz=4_000, channels=channels)
    samples, _ = decoded(serve(sound, wanted).content)
    assert np.abs(samples).max() <= 10 ** (-1 / 20) + 2**-15


def test_a_click_is_measured_although_it_is_shorter_than_a_block():
    short, long = read(sine(0.05, rate=48_000)), read(sine(1, rate=48_000))
    assert loudness_of(short) == pytest.approx(loudness_of(long), abs=0.3)


def test_what_is_too_quiet_to_measure_is_served_as_it_is():
    sound = sine(height=4e-5)
    assert loudness_of(read(sound)) is None
    served = serve(sound)
    assert served.loudness is None
    assert np.abs(decoded(served.content)[0]).max() < 1e-3


def test_loudness_can_be_left_alone():
    samples, _ = decoded(serve(sine(height=0.5, rate=48_000), None).content)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=1e-3)


def test_no_word_of_the_original_is_in_the_copy():
    tagged = sine(title="Aurora 7", artist="aurora-seven", comment="made by Aurora 7")
    assert b"Aurora 7" in tagged
    served = serve(tagged).content
    assert b"aurora" not in served.lower()
    assert served == serve(sine()).content


WHOLE = sine()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WHOLE[:30], "is cut: 30 of"),
        (WHOLE[:4] + b"\xff\xff\xff\xff" + WHOLE[8:30], "cannot be read"),
        (b"RIFF" + b"\x00" * 4 + b"WAVE" + b"junk" * 100, "cannot be read"),
        (b"OggS" + b"\x00" * 400, "cannot be read"),
        (sine(seconds=0), "silent"),
        (sine(height=0), "silent"),
        (sine(seconds=11, rate=8_000), "the sound is 11 seconds long; expected at most 10"),
        (sine(channels=6), "6 channels; expected mono or stereo"),
        (sine(rate=1_000), "1000 samples a second"),
    ],
)
def test_a_sound_that_cannot_be_used_is_refused_with_the_reason(content, words):
    with pytest.raises(MediaRefused, match=words):
        read(content)


def test_samples_that_are_no_numbers_are_refused():
    content = io.BytesIO()
    soundfile.write(content, np.array([0.1, np.nan, 0.2]), 8_000, "FLOAT", format="WAV")
    with pytest.raises(MediaRefused, match="no numbers"):
        read(content.getvalue())
