"""Sounds of every sort, files to import, and studies of media."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from django.core.management import call_command

from annotation.launch import launch_study
from annotation.models import Rater, Study
from generation.models import Output, Prompt
from tests.factories import make_study


def sine(
    seconds: float = 1.0,
    *,
    rate: int = 16_000,
    hertz: float = 997,
    height: float = 0.1,
    channels: int = 1,
    format: str = "WAV",
    **tags: str,
) -> bytes:
    """Return a sine of that height, of full scale; `tags` are written as the file's metadata."""
    wave = height * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    content = io.BytesIO()
    with soundfile.SoundFile(
        content, "w", samplerate=rate, channels=channels, format=format
    ) as file:
        for name, value in tags.items():
            setattr(file, name, value)
        file.write(np.tile(wave[:, None], (1, channels)))
    return content.getvalue()


def noise_file(*, seed: int, seconds: float = 2.0, rate: int = 44_100) -> bytes:
    """Return white noise in mono, the same for the same seed."""
    content = io.BytesIO()
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    soundfile.write(content, samples, rate, format="WAV")
    return content.getvalue()


def import_media(study: Study, folder: Path, contents: dict[str, list[bytes]]) -> None:
    """Replace the draft's outputs by files: a list, by prompt, for each system's slug."""
    Output.objects.filter(system__in=study.systems.all()).delete()
    rows = []
    for slug, files in contents.items():
        for key, content in ((f"p{n}", content) for n, content in enumerate(files, start=1)):
            name = f"{slug}-{key}.bin"
            (folder / name).write_bytes(content)
            rows.append({"prompt_id": key, "system": slug, "media": name})
    file = folder / "outputs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("import_outputs", file, prompt_set=study.prompt_set.slug, verbosity=0)


def sound_study(folder: Path, *, systems: int = 2, prompts: int = 2, **kwargs: Any) -> Study:
    """A draft whose outputs are sounds of different rates, pitches and loudness."""
    study = make_study(systems=systems, prompts=prompts, **kwargs)
    contents = {
        system.slug: [
            sine(
                rate=(16_000, 22_050, 44_100)[number % 3],
                height=0.05 * (number + 1),
                hertz=300 + 100 * number + 10 * prompt,
            )
            for prompt in range(prompts)
        ]
        for number, system in enumerate(study.systems.order_by("pk"))
    }
    import_media(study, folder, contents)
    return study


def with_reference(study: Study, media: Any) -> Study:
    Prompt.objects.filter(prompt_set=study.prompt_set).update(reference_media=media)
    return launch_study(study)


def judge_url(rater: Rater) -> str:
    return f"/rate/{rater.study.public_id}/judge/"
