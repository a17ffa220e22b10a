"""Anchors: a low-pass of stated flatness and depth, without delay, at the reference's level."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from scipy.signal import freqz

from annotation.exceptions import StudyNotReady
from annotation.launch import launch_problems, launch_study
from annotation.mushra_sounds import anchor_problems
from annotation.redaction import screen_outputs
from generation.anchors import make_anchors, served_anchor
from generation.copies import STANDARD_LOUDNESS, served_copy, store_with_copy
from generation.exceptions import MediaDamaged
from generation.media import read_media
from generation.media_files.anchors import least_rate, low_pass, low_passed, stop_edge
from generation.models import Media, Prompt, ServedCopy
from tests.media.makers import noise_file
from tests.media.mushra import sound_draft

ANCHORS = (3500, 7000)


@pytest.mark.parametrize("hertz", ANCHORS)
@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000, 96_000])
def test_the_filter_is_flat_to_a_hundredth_and_65_decibels_down(hertz, rate):
    if rate < least_rate(hertz):
        pytest.skip("the sound holds nothing above the edge")
    taps = low_pass(hertz, rate)
    at, gain = freqz(taps, worN=1 << 15, fs=rate)
    decibels = 20 * np.log10(np.maximum(np.abs(gain), 1e-12))
    assert np.abs(decibels[at <= hertz]).max() < 0.01
    below = decibels[at >= stop_edge(hertz)]
    assert below.size == 0 or below.max() < -65
    assert len(taps) % 2 == 1
    assert taps == pytest.approx(taps[::-1])


def test_what_passes_keeps_in_step_and_what_does_not_is_gone():
    at = np.arange(48_000) / 48_000
    low, high = (0.1 * np.sin(2 * np.pi * hertz * at) for hertz in (1000, 5000))
    samples = np.column_stack([low + high, low]).astype(np.float32)
    found = low_passed(samples, 3500, 48_000)
    assert found.shape == samples.shape
    middle = slice(1000, -1000)
    assert found[middle] == pytest.approx(np.column_stack([low, low])[middle], abs=2e-4)


def test_the_edges_of_bs_1534():
    assert [stop_edge(hertz) for hertz in ANCHORS] == [4000, 8000]
    assert [least_rate(hertz) for hertz in ANCHORS] == [8000, 16000]


def samples_of(media: Media) -> np.ndarray:
    found, rate = soundfile.read(io.BytesIO(read_media(media)), always_2d=True)
    assert rate == 48_000
    return np.asarray(found)


@pytest.mark.django_db
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("loudness", [STANDARD_LOUDNESS, None])
def test_an_anchor_is_served_like_its_reference_at_its_level(rate, loudness):
    reference = store_with_copy(noise_file(seed=1, seconds=1.0, rate=rate))
    if loudness is None:
        with pytest.raises(MediaDamaged):
            make_anchors([reference], anchors=[3500], loudness=None)
        return
    assert make_anchors([reference], anchors=[3500], loudness=loudness) == 1
    assert make_anchors([reference], anchors=[3500], loudness=loudness) == 0
    copy = served_copy(reference, loudness=loudness)
    anchor = served_anchor(reference, 3500, loudness=loudness)
    assert (anchor.mime, anchor.sample_rate, anchor.channels) == (
        copy.mime, copy.sample_rate, copy.channels,
    )  # fmt: skip
    whole, low = samples_of(copy), samples_of(anchor)
    assert whole.shape == low.shape
    hertz = np.fft.rfftfreq(len(whole), 1 / 48_000)
    power = [np.abs(np.fft.rfft(found[:, 0])) ** 2 for found in (whole, low)]
    band = (hertz > 200) & (hertz < 3400)
    assert power[1][band].sum() / power[0][band].sum() == pytest.approx(1, abs=0.01)
    assert power[1][hertz > 4050].sum() < 1e-4 * power[1][band].sum()


@pytest.mark.django_db
def test_a_reference_with_too_few_samples_is_refused_clearly(tmp_path):
    study = sound_draft(tmp_path, rate=11_025)
    with pytest.raises(StudyNotReady, match="anchor of 7000 Hz: 11025, and 16000 are needed"):
        launch_study(study)
    assert not ServedCopy.objects.filter(recipe__contains="low-pass").exists()
    study.options = {"anchors": [3500]}
    study.save()
    assert launch_study(study).state == "open"


@pytest.mark.django_db
def test_anchors_of_texts_are_refused():
    from tests.factories import make_study

    study = make_study(protocol="mushra", options={"anchors": [3500]})
    study.prompt_set.prompts.update(reference="A text.")
    with pytest.raises(StudyNotReady, match="Anchors are made from sounds, but 2 prompts"):
        launch_study(study)


@pytest.mark.django_db
def test_a_prompt_that_is_left_out_needs_no_sound(tmp_path):
    study = sound_draft(tmp_path, prompts=3)
    mute = study.prompt_set.prompts.get(position=2)
    Prompt.objects.filter(pk=mute.pk).update(reference_media=None)
    assert "1 prompts have none" in " ".join(anchor_problems(study))
    screen_outputs(study, words=[], left_out=[mute.key])
    assert launch_problems(study) == []
    launch_study(study)
