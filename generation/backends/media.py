"""What a system makes when it is not text: sound, checked before it is believed."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass

MAX_BYTES = 64 * 2**20
MAX_SECONDS = 1800
SAMPLE_RATES = range(4_000, 192_001)


class MediaNotUsable(Exception):
    """The file cannot be stored as an output; the message says why."""


@dataclass(frozen=True, kw_only=True)
class MediaContent:
    """A whole file with what can be said about it.

    `seconds` and `sample_rate` [Hz] are 0 where there is nothing to play or to hear; the others
    are None where they were not measured, or mean nothing. `loudness` is in LUFS.
    """

    content: bytes
    mime: str
    seconds: float
    sample_rate: int
    channels: int | None = None
    loudness: float | None = None
    width: int | None = None
    height: int | None = None


def read_wav(content: bytes) -> MediaContent:
    """Return PCM sound with its length; raise `MediaNotUsable` for what is no sound.

    Read whole: a header can promise more than there is.
    """
    if not content:
        raise MediaNotUsable("The sound is empty.")
    if len(content) > MAX_BYTES:
        raise MediaNotUsable(f"The sound is larger than {MAX_BYTES // 2**20} MiB.")
    try:
        with wave.open(io.BytesIO(content)) as sound:
            rate, count = sound.getframerate(), sound.getnframes()
            size = count * sound.getnchannels() * sound.getsampwidth()
            frames = sound.readframes(count)
    except (wave.Error, EOFError, ValueError) as error:
        raise MediaNotUsable(f"The sound is no PCM wav file: {error or 'it is cut'}.") from None
    if rate not in SAMPLE_RATES:
        raise MediaNotUsable(f"The sound has {rate} samples a second.")
    if count > rate * MAX_SECONDS:
        raise MediaNotUsable(f"The sound is longer than {MAX_SECONDS // 60} minutes.")
    if len(frames) != size or not frames:
        raise MediaNotUsable(f"The sound has {len(frames)} bytes; its header says {size}.")
    if len(set(frames)) == 1:
        raise MediaNotUsable("The sound is silent.")
    return MediaContent(
        content=content, mime="audio/wav", seconds=round(count / rate, 3), sample_rate=rate
    )
