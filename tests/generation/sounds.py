"""Small wav files."""

from __future__ import annotations

import io
import math
import struct
import wave


def tone(
    seconds: float = 0.1, *, rate: int = 8000, height: int = 9000, hertz: float = 440
) -> bytes:
    """Return a sine as 16-bit mono wav; height 0 is silence."""
    count = round(seconds * rate)
    samples = [round(height * math.sin(2 * math.pi * hertz * i / rate)) for i in range(count)]
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{count}h", *samples))
    return content.getvalue()
