"""Studies that show sounds on sliders: whether one does, and the anchors that it hides."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import QuerySet

from annotation.models import Study
from annotation.protocols import protocol_of
from annotation.protocols.mushra import Mushra
from generation.anchors import make_anchors
from generation.media_files.anchors import least_rate
from generation.models import Media, System

SOUND = "audio/"


def note_sound(study: Study) -> None:
    """Put into the options of a draft whether its outputs are sounds: then all must be heard."""
    protocol = protocol_of(study)
    if isinstance(protocol, Mushra) and protocol.sound != _has_sound(study):
        study.options = replace(protocol, sound=not protocol.sound).stored()


def prepare_anchors(study: Study) -> int:
    """Make the anchors that raters will hear; return how many were missing."""
    protocol = protocol_of(study)
    if not isinstance(protocol, Mushra) or anchor_problems(study):
        return 0
    references = _references(study)
    return make_anchors(references, anchors=protocol.anchors, loudness=study.way.loudness)


def anchor_problems(study: Study) -> list[str]:
    """Say why the anchors that a draft wants cannot be made, or would be told apart."""
    protocol = protocol_of(study)
    if not isinstance(protocol, Mushra) or not protocol.anchors:
        return []
    prompts = study.prompts
    mute = prompts.exclude(reference_media__mime__startswith=SOUND).count()
    if mute or not _has_sound(study):
        count = mute or prompts.count()
        return [f"Anchors are made from sounds, but {count} prompts have none, or no outputs."]
    problems = []
    for hertz in protocol.anchors:
        least = least_rate(hertz)
        low = _references(study).filter(sample_rate__lt=least).order_by("sample_rate")
        if slowest := low.first():
            problems.append(
                f"{low.count()} references have too few samples a second for an anchor of "
                f"{hertz} Hz: {slowest.sample_rate}, and {least} are needed."
            )
    return problems


def _references(study: Study) -> QuerySet[Media]:
    prompts = study.prompts.filter(reference_media__isnull=False).order_by()
    return Media.objects.filter(pk__in=prompts.values("reference_media")).order_by("pk")


def _has_sound(study: Study) -> bool:
    """Return whether the outputs are sounds, made already or to come."""
    made = study.outputs.filter(media__mime__startswith=SOUND)
    return made.exists() or study.systems.filter(backend=System.Backend.SPEECH).exists()
