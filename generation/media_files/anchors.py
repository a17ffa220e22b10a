"""Anchors of MUSHRA: a served sound behind a low-pass, at the same level and without delay.

ITU-R BS.1534-3 (2015) has a low anchor of 3.5 kHz and a mid anchor of 7 kHz. Ours is a linear-phase
FIR by Kaiser's window (1974): flat to within 0.01 dB up to the edge, and at least 65 dB down from
8/7 of it on (4 and 8 kHz). Its delay is taken out, so that it keeps in step with the reference.
"""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import firwin, kaiserord, oaconvolve

from generation.backends.media import MediaContent
from generation.media_files.sounds import (
    SERVED_MIME,
    SERVED_RATE,
    Samples,
    Sound,
    loudness_of,
    served_sound,
)

#: What both bands are designed for, in dB.
_DESIGN = 70.0


def stop_edge(hertz: int) -> float:
    """Return from where on the low-pass with this edge lets nothing through [Hz]."""
    return hertz * 8 / 7


def least_rate(hertz: int) -> int:
    """Return the lowest sample rate [Hz] of a sound from which the low-pass takes anything."""
    return round(2 * stop_edge(hertz))


@cache
def low_pass(hertz: int, rate: int) -> NDArray[np.float64]:
    """Return the filter's taps, an odd number of them, symmetric."""
    width = stop_edge(hertz) - hertz
    count, beta = kaiserord(_DESIGN, width / (rate / 2))
    taps = firwin(count | 1, hertz + width / 2, window=("kaiser", beta), fs=rate)
    return np.asarray(taps, dtype=np.float64)


def low_passed(samples: Samples, hertz: int, rate: int) -> Samples:
    """Return samples (frames, channels) behind the low-pass, in step with the ones given."""
    found = oaconvolve(samples, low_pass(hertz, rate)[:, None], mode="full", axes=0)
    half = len(low_pass(hertz, rate)) // 2
    return np.asarray(found[half : half + len(samples)], dtype=np.float32)


def anchor_of(copy: bytes, hertz: int) -> MediaContent:
    """Return the anchor of a served sound, as it is served itself."""
    samples, _ = soundfile.read(io.BytesIO(copy), dtype="float32", always_2d=True)
    behind = low_passed(samples, hertz, SERVED_RATE)
    sound = Sound(samples=behind, rate=SERVED_RATE, mime=SERVED_MIME)
    return served_sound(behind, loudness_of(sound), loudness=None)
