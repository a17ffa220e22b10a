"""The sounds of the audio gate, made by us: arrays in, bytes of a WAV file out.

A sound is an array (samples, 2) of left and right, from -1 to 1, at `RATE` samples a second. All
sounds of one part are equally long, so that no length tells what is right.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 24_000
#: Of the noise by which raters set their volume, in dB below full scale (RMS).
NOISE_LEVEL = -26.0
_INTERVAL, _GAP = 1.0, 0.5
#: Milne et al. (2021): a band 6 % to either side of 600 Hz.
_HUGGINS_HZ, _HUGGINS_WIDTH = 600.0, 0.06
#: Woods et al. (2017): 200 Hz, ramps of 100 ms, the quiet one by 6 dB.
_ANTIPHASE_HZ, _ANTIPHASE_RAMP, _QUIET = 200.0, 0.1, -6.0
_SIDE_HZ, _SIDE_LEVEL = 500.0, -6.0
_BEEP, _BEEP_PAUSE = 0.25, 0.35
MOST_BEEPS = 6
#: One level a sound, in dB of the noise, and the pitches that take turns, in Hz.
BEEP_LEVELS = (-6.0, -12.0, -18.0, -24.0, -30.0, -36.0)
_BEEP_HZ = (1000.0, 500.0, 2000.0, 4000.0, 1000.0, 3000.0)
#: The highest sample of a file with 16 bits.
_FULL = 2**15 - 1


@cache
def volume_wav() -> bytes:
    """Return ten seconds of noise, the same in both ears: the level that the others refer to."""
    rng = np.random.default_rng(0)
    return wav_bytes(_both(_noise(rng, 10.0)), rng=rng)


def huggins(rng: np.random.Generator, place: int, number: int) -> Sound:
    """Return three noises, of which the one at `place` holds a pitch that only two ears can hear.

    The pitch of Cramer and Huggins (1958): the noise is the same in both ears but for one narrow
    band, whose phase is turned by 180 degrees in the right one. Over loudspeakers, or with one
    ear, there is none. As Milne et al. (2021) use it.
    """
    return _in_turn([_huggins_noise(rng) if i == place else _both_noise(rng) for i in range(3)])


def antiphase(rng: np.random.Generator, place: int, number: int) -> Sound:
    """Return three tones, of which the one at `place` is quieter, and another is in antiphase.

    Over loudspeakers the one in antiphase cancels itself in the air and seems the quietest; over
    headphones it does not (Woods et al. 2017).
    """
    turned = rng.choice([i for i in range(3) if i != place])
    tones = []
    for i in range(3):
        level = NOISE_LEVEL + (_QUIET if i == place else 0.0)
        tone = _tone(_ANTIPHASE_HZ, _INTERVAL, level, ramp=_ANTIPHASE_RAMP)
        tones.append(np.column_stack([tone, -tone if i == turned else tone]))
    return _in_turn(tones)


def side(rng: np.random.Generator, place: int, number: int) -> Sound:
    """Return a tone in the left ear, in the right, or in both: place 0, 1, 2."""
    tone = _tone(_SIDE_HZ, _INTERVAL, NOISE_LEVEL + _SIDE_LEVEL, ramp=0.05)
    gains = ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0))[place]
    return np.asarray(tone[:, None] * np.array(gains))


def beeps(rng: np.random.Generator, place: int, number: int) -> Sound:
    """Return `place` + 1 beeps, the softer the higher the `number` of the sound.

    They stand at random among as many places as there can be beeps, so that the file is equally
    long and the first beeps do not tell how many follow.
    """
    beep = _tone(_BEEP_HZ[number], _BEEP, NOISE_LEVEL + BEEP_LEVELS[number], ramp=0.02)
    slot = np.concatenate([beep, np.zeros(_samples(_BEEP_PAUSE))])
    found = np.zeros(MOST_BEEPS * len(slot))
    for at in rng.choice(MOST_BEEPS, size=place + 1, replace=False):
        found[at * len(slot) : (at + 1) * len(slot)] = slot
    return _both(found)


def wav_bytes(sound: Sound, *, rng: np.random.Generator) -> bytes:
    """Return the sound as a WAV file of 16 bits, with triangular dither and nothing else in it."""
    dither = rng.random(sound.shape) - rng.random(sound.shape)
    samples = np.clip(np.rint(sound * _FULL + dither), -_FULL, _FULL).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def _samples(seconds: float) -> int:
    return round(seconds * RATE)


def _amplitude(level: float) -> float:
    return float(10 ** (level / 20))


def _ramped(sound: NDArray[np.float64], ramp: float) -> NDArray[np.float64]:
    """Fade in and out along a raised cosine: a click would tell more than the sound."""
    count = _samples(ramp)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    found = sound.copy()
    found[:count] *= rise
    found[-count:] *= rise[::-1]
    return found


def _tone(hz: float, seconds: float, level: float, *, ramp: float) -> NDArray[np.float64]:
    times = np.arange(_samples(seconds)) / RATE
    return _ramped(np.sqrt(2) * _amplitude(level) * np.sin(2 * np.pi * hz * times), ramp)


def _white(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    return np.asarray(rng.standard_normal(_samples(seconds)) * _amplitude(NOISE_LEVEL))


def _noise(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    return _ramped(_white(rng, seconds), 0.05)


def _both(ear: NDArray[np.float64]) -> Sound:
    return np.column_stack([ear, ear])


def _both_noise(rng: np.random.Generator) -> Sound:
    return _both(_noise(rng, _INTERVAL))


def _huggins_noise(rng: np.random.Generator) -> Sound:
    left = _white(rng, _INTERVAL)
    spectrum = np.fft.rfft(left)
    hz = np.fft.rfftfreq(len(left), 1 / RATE)
    spectrum[np.abs(hz - _HUGGINS_HZ) <= _HUGGINS_WIDTH * _HUGGINS_HZ] *= -1
    right = np.fft.irfft(spectrum, len(left))
    return np.column_stack([_ramped(left, 0.05), _ramped(right, 0.05)])


def _in_turn(sounds: Sequence[Sound]) -> Sound:
    gap = np.zeros((_samples(_GAP), 2))
    first, *others = sounds
    return np.concatenate([first, *(piece for sound in others for piece in (gap, sound))])
