"""A served sound once more, in other bytes and with nothing else to hear.

Dither with a triangular density (Lipshitz, Wannamaker and Vanderkooy, 1992): each frame of samples
moves by -1, 0 or 1 of 2**15 steps, with probabilities of 1/4, 1/2 and 1/4: noise at -93 dB of full
scale, 70 dB below a sound at -23 LUFS. It is the same on both sides, so that mono stays mono, and
digital silence stays silent: else the noise could be seen without anything to compare it with.
"""

from __future__ import annotations

import io
from itertools import count

import numpy as np
import soundfile
from numpy.typing import NDArray

from generation.backends.media import MediaContent
from generation.media_files.sounds import (
    SERVED_MIME,
    SERVED_RATE,
    Sound,
    loudness_of,
    served_sound,
)

Steps = NDArray[np.int16]

_LOWEST, _HIGHEST = -(2**15), 2**15 - 1


def dithered(copy: bytes, seed: int) -> MediaContent:
    """Return a served sound with noise drawn from `seed`: as long, as loud, and of other bytes."""
    steps, _ = soundfile.read(io.BytesIO(copy), dtype="int16", always_2d=True)
    # By chance, all of very few samples can stay where they were.
    draws = (_moved(steps, [seed, attempt]) for attempt in count())
    moved = next(found for found in draws if not np.array_equal(found, steps))
    samples = moved.astype(np.float32) / np.float32(2**15)  # exact, there and back
    sound = Sound(samples=samples, rate=SERVED_RATE, mime=SERVED_MIME)
    return served_sound(samples, loudness_of(sound), loudness=None)


def _moved(steps: Steps, seed: list[int]) -> Steps:
    """Return steps (frames, channels), each frame moved by the difference of two fair coins."""
    coins = np.random.default_rng(seed).integers(0, 2, (2, len(steps), 1))
    moved = np.where(steps == 0, 0, steps + coins[0] - coins[1])
    return np.clip(moved, _LOWEST, _HIGHEST).astype(np.int16)
