"""The file that hides a reference: other bytes, and nothing else to hear or to see."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from generation.anchors import make_hidden_references, served_hidden_reference
from generation.copies import STANDARD_LOUDNESS, served_copy, store_with_copy
from generation.exceptions import MediaDamaged
from generation.media import read_media
from generation.media_files.dither import dithered
from generation.models import ServedCopy
from tests.media.makers import noise_file, sine

#: Of 16 bits.
FULL = 2**15


def wav(steps: np.ndarray) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, steps.astype(np.int16), 48_000, format="WAV", subtype="PCM_16")
    return content.getvalue()


def steps_of(content: bytes) -> np.ndarray:
    steps, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    assert rate == 48_000
    return np.asarray(steps, dtype=int)


def moves(steps: np.ndarray, seed: int = 1) -> np.ndarray:
    return np.asarray(steps_of(dithered(wav(steps), seed).content) - steps)


def loud(frames: int = 40_000) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 9000, (frames, 2))


def test_each_frame_moves_by_at_most_a_step_with_a_triangular_density():
    moved = moves(loud())
    shares = [np.mean(moved[:, 0] == step) for step in (-1, 0, 1)]
    assert sum(shares) == 1
    # Five standard errors of a share of 40,000.
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=5 * np.sqrt(0.25 / 40_000))
    assert 20 * np.log10(np.std(moved) / FULL) == pytest.approx(-93.3, abs=0.1)


def test_the_noise_is_white():
    moved = moves(loud())[:, 0].astype(float)
    lags = [np.corrcoef(moved[:-lag], moved[lag:])[0, 1] for lag in range(1, 20)]
    assert np.abs(lags).max() < 5 / np.sqrt(40_000)


def test_both_sides_move_alike_so_that_mono_stays_mono():
    moved = moves(loud())
    assert (moved[:, 0] == moved[:, 1]).all()


def test_digital_silence_stays_silent():
    steps = loud()
    steps[10_000:20_000] = 0
    moved = moves(steps)
    assert not moved[10_000:20_000].any()
    assert moved[:10_000].any()


def test_a_sound_at_full_scale_does_not_turn_over():
    steps = np.where(np.arange(2000)[:, None] % 2, FULL - 1, -FULL) * np.ones((1, 2), dtype=int)
    assert np.abs(moves(steps)).max() == 1


@pytest.mark.parametrize("seed", range(20))
def test_even_a_single_sample_is_moved(seed):
    steps = np.zeros((5, 2), dtype=int)
    steps[3] = 7
    assert moves(steps, seed=seed).any()


def test_length_size_and_level_are_those_of_the_open_one():
    copy = wav(loud())
    hidden = dithered(copy, 1)
    assert len(hidden.content) == len(copy)
    assert hidden.content[:44] == copy[:44]
    assert hidden.content != copy
    assert hidden == dithered(copy, 1) != dithered(copy, 2)


@pytest.mark.django_db
@pytest.mark.parametrize("content", [noise_file(seed=3), sine(0.2), sine(height=0.001)])
def test_it_is_made_once_from_the_served_copy(content, settings):
    reference = store_with_copy(content)
    assert make_hidden_references([reference], loudness=STANDARD_LOUDNESS) == 1
    assert make_hidden_references([reference], loudness=STANDARD_LOUDNESS) == 0
    copy = served_copy(reference, loudness=STANDARD_LOUDNESS)
    hidden = served_hidden_reference(reference, loudness=STANDARD_LOUDNESS)
    assert hidden.sha256 != copy.sha256
    assert [hidden.bytes, hidden.seconds, hidden.mime, hidden.channels, hidden.sample_rate] == [
        copy.bytes, copy.seconds, copy.mime, copy.channels, copy.sample_rate,
    ]  # fmt: skip
    assert hidden.loudness == pytest.approx(copy.loudness, abs=0.05)
    assert np.abs(steps_of(read_media(hidden)) - steps_of(read_media(copy))).max() == 1


@pytest.mark.django_db
def test_another_server_draws_other_noise(settings):
    hashes = set()
    for key in ("one", "two", "one"):
        settings.SECRET_KEY = key
        reference = store_with_copy(sine(0.2))
        make_hidden_references([reference], loudness=STANDARD_LOUDNESS)
        hashes.add(served_hidden_reference(reference, loudness=STANDARD_LOUDNESS).sha256)
        ServedCopy.objects.filter(recipe__endswith="dithered").delete()
    assert len(hashes) == 2


@pytest.mark.django_db
def test_without_a_served_copy_there_is_nothing_to_make_it_from():
    with pytest.raises(MediaDamaged):
        make_hidden_references([store_with_copy(sine())], loudness=None)
