"""Sound: decoded whole, measured by ITU-R BS.1770-4 (2015), and written anew, alike for all.

Every served sound is 16-bit WAV in stereo at 48 kHz, whatever came in: neither rate nor channels
nor format tell systems apart, and the size tells the length and nothing else. A mono sound is the
same on both sides. FLAC would be half as large, but Chromium stalls when it seeks near its end.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyloudnorm
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from generation.backends.media import SAMPLE_RATES, MediaContent
from generation.media_files.kinds import SOUNDS
from generation.media_files.refusals import Limits, MediaRefused

Samples = NDArray[np.float32]

SERVED_RATE = 48_000
SERVED_MIME = "audio/wav"
#: What loudness may bring the highest sample to, of full scale: -1 dB.
HIGHEST_PEAK = 10 ** (-1 / 20)
#: BS.1770 measures in blocks of 0.4 s; a shorter sound is repeated until there is one.
BLOCK_SECONDS = 0.4
#: The same on two sides is louder than on one.
_DUAL_MONO = 10 * math.log10(2)
_WRITE_FRAMES = 1 << 16
_MIMES = {"WAV": "audio/wav", "FLAC": "audio/flac", "OGG": "audio/ogg", "MP3": "audio/mpeg"}


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Samples (frames, channels) from -1 to 1 at `rate` Hz, and what the file called itself."""

    samples: Samples
    rate: int
    mime: str

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def channels(self) -> int:
        return int(self.samples.shape[1])


def read_sound(content: bytes, limits: Limits) -> Sound:
    """Decode a sound whole; raise `MediaRefused` where it is broken, empty, silent or too long.

    A header can promise more than there is, so no more is read than the limit allows.
    """
    _check_whole(content)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _check_header(file, limits)
            promised = file.frames
            most = min(promised, int(limits.seconds * file.samplerate) + 1)
            samples = file.read(most, dtype="float32", always_2d=True)
            sound = Sound(
                samples=samples, rate=file.samplerate, mime=_MIMES.get(file.format, "audio/aiff")
            )
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise MediaRefused(f"the sound cannot be read ({_why(error)})", expected=SOUNDS) from None
    if len(samples) < promised:
        raise MediaRefused(
            f"the sound is cut: {len(samples)} of {promised} samples", expected="a whole file"
        )
    if not np.isfinite(samples).all():
        raise MediaRefused("the sound holds samples that are no numbers", expected="finite samples")
    if not len(samples) or np.ptp(samples, axis=0).max() == 0:
        raise MediaRefused("the sound is silent", expected="something to hear")
    return sound


def _check_whole(content: bytes) -> None:
    """Refuse a RIFF or AIFF that is shorter than it says: the decoder would take what is there."""
    order: Literal["little", "big"] = "little" if content[:4] == b"RIFF" else "big"
    if content[:4] not in (b"RIFF", b"FORM"):
        return
    promised = int.from_bytes(content[4:8], order)
    # What is written as a stream does not know its length.
    if promised not in (0, 0xFFFFFFFF) and promised + 8 > len(content):
        raise MediaRefused(
            f"the sound is cut: {len(content)} of {promised + 8} bytes", expected="a whole file"
        )


def _check_header(file: soundfile.SoundFile, limits: Limits) -> None:
    if file.samplerate not in SAMPLE_RATES:
        raise MediaRefused(
            f"the sound has {file.samplerate} samples a second",
            expected=f"{SAMPLE_RATES.start} to {SAMPLE_RATES.stop - 1}",
        )
    if file.channels > 2:
        raise MediaRefused(f"the sound has {file.channels} channels", expected="mono or stereo")
    seconds = file.frames / file.samplerate
    if seconds > limits.seconds:
        raise MediaRefused(
            f"the sound is {seconds:.0f} seconds long", expected=f"at most {limits.seconds:g}"
        )


def _why(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".") or "it is broken"


def loudness_of(sound: Sound) -> float | None:
    """Return the integrated loudness [LUFS] as served, on two sides; None: too quiet to measure.

    ITU-R BS.1770-4 (2015), with its two gates; at 48 kHz, for which its filters are given.
    """
    samples = at_served_rate(sound).samples
    whole = math.ceil(BLOCK_SECONDS * SERVED_RATE) + 1
    if len(samples) < whole:
        samples = np.tile(samples, (math.ceil(whole / len(samples)), 1))
    meter = pyloudnorm.Meter(SERVED_RATE, block_size=BLOCK_SECONDS)
    with np.errstate(divide="ignore"):  # a block of silence
        loudness = float(meter.integrated_loudness(samples.astype(np.float64)))
    if not math.isfinite(loudness):
        return None
    return loudness + (_DUAL_MONO if sound.channels == 1 else 0.0)


def take_sound(
    content: bytes, limits: Limits, *, loudness: float | None
) -> tuple[MediaContent, MediaContent]:
    """Return a sound as it came, measured, and as it is served: see `served_sound`."""
    sound = read_sound(content, limits)
    level = at_served_rate(sound)
    measured = loudness_of(level)
    original = MediaContent(
        content=content,
        mime=sound.mime,
        seconds=round(sound.seconds, 3),
        sample_rate=sound.rate,
        channels=sound.channels,
        loudness=_rounded(measured),
    )
    return original, served_sound(level.samples, measured, loudness=loudness)


def served_sound(
    samples: Samples, measured: float | None, *, loudness: float | None
) -> MediaContent:
    """Write samples at 48 kHz anew: no metadata, one format, brought to `loudness` [LUFS].

    None leaves the level as it is. The gain stops where the highest sample would pass -1 dB of full
    scale; such a sound stays quieter than was wanted, and the result says how loud it is.
    """
    gain = 1.0
    if loudness is not None and measured is not None:
        gain = min(10 ** ((loudness - measured) / 20), HIGHEST_PEAK / float(np.abs(samples).max()))
    reached = None if measured is None else measured + 20 * math.log10(gain)
    return MediaContent(
        content=_wav(samples, gain),
        mime=SERVED_MIME,
        seconds=round(len(samples) / SERVED_RATE, 3),
        sample_rate=SERVED_RATE,
        channels=2,
        loudness=_rounded(reached),
    )


def at_served_rate(sound: Sound) -> Sound:
    """Return the sound with 48,000 samples a second."""
    if sound.rate == SERVED_RATE:
        return sound
    common = math.gcd(sound.rate, SERVED_RATE)
    resampled = resample_poly(sound.samples, SERVED_RATE // common, sound.rate // common, axis=0)
    return replace(sound, samples=resampled, rate=SERVED_RATE)


def _wav(samples: Samples, gain: float) -> bytes:
    written = io.BytesIO()
    with soundfile.SoundFile(
        written, "w", samplerate=SERVED_RATE, channels=2, format="WAV", subtype="PCM_16"
    ) as file:
        for start in range(0, len(samples), _WRITE_FRAMES):
            part = np.clip(samples[start : start + _WRITE_FRAMES] * gain, -1, 1)
            file.write(part if part.shape[1] == 2 else np.repeat(part, 2, axis=1))
    return written.getvalue()


def _rounded(loudness: float | None) -> float | None:
    return None if loudness is None else round(loudness, 2)
