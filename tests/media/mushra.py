"""MUSHRA studies of sounds, with references of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotation.launch import launch_study
from annotation.models import Study
from generation.copies import store_with_copy
from tests.factories import make_study
from tests.media.makers import import_media, noise_file


def sound_draft(
    folder: Path, *, systems: int = 3, prompts: int = 2, rate: int = 44_100, seconds: float = 2.0,
    **kwargs: Any,
) -> Study:  # fmt: skip
    """A draft of MUSHRA whose outputs and references are noises of their own, of full bandwidth."""
    kwargs.setdefault("options", {"anchors": [3500, 7000]})
    study = make_study(protocol="mushra", systems=systems, prompts=prompts, **kwargs)
    contents = {
        system.slug: [
            noise_file(seed=10 * number + p, seconds=seconds, rate=(16_000, 22_050, 48_000)[p % 3])
            for p in range(prompts)
        ]
        for number, system in enumerate(study.systems.order_by("pk"), start=1)
    }
    import_media(study, folder, contents)
    for number, prompt in enumerate(study.prompt_set.prompts.order_by("position")):
        reference = noise_file(seed=number, seconds=seconds, rate=rate)
        prompt.reference_media = store_with_copy(reference)
        prompt.save()
    return study


def sound_mushra(folder: Path, **kwargs: Any) -> Study:
    return launch_study(sound_draft(folder, **kwargs))
