"""Served copies: what raters get in place of a file, made when it is stored or a study launches.

Nothing is decoded when it is asked for. The original is kept, and never served to raters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from evalsite.lib.db import write_transaction
from generation.backends.media import MediaContent
from generation.media import described_media, put_content, read_media, save_media
from generation.media_files.images import take_image
from generation.media_files.kinds import AUDIO, IMAGE, VIDEO, kind_of
from generation.media_files.refusals import Limits, MediaRefused
from generation.media_files.sounds import take_sound
from generation.media_files.videos import take_video
from generation.models import Media, ServedCopy

#: LUFS; EBU R 128 (2020).
STANDARD_LOUDNESS = -23.0


@dataclass(frozen=True, kw_only=True)
class Intake:
    """A file that was checked and measured, and its served copy; neither is stored yet."""

    original: MediaContent
    copy: MediaContent
    recipe: str


def limits() -> Limits:
    """Return what the settings allow one file to have."""
    return Limits(
        bytes=settings.EVALSITE_MAX_MEDIA_MB * 2**20, seconds=settings.EVALSITE_MAX_MEDIA_SECONDS
    )


def recipe_of(kind: str, loudness: float | None) -> str:
    """Name the way in which a copy is made; what is made alike has one name."""
    level = "as it is" if loudness is None else f"{loudness:g} LUFS"
    return {
        AUDIO: f"wav 48000 stereo, {level}",
        IMAGE: "png rgb",
        VIDEO: f"mp4 h264 aac, {level}",
    }[kind]


def take_in(content: bytes, *, loudness: float | None = STANDARD_LOUDNESS) -> Intake:
    """Check and measure a file, and make its copy; raise `MediaRefused` where it is unusable."""
    most = limits()
    if len(content) > most.bytes:
        raise MediaRefused(
            f"the file has {len(content) / 2**20:.1f} MiB",
            expected=f"at most {most.bytes // 2**20}",
        )
    kind = kind_of(content)
    if kind == IMAGE:
        original, copy = take_image(content, most)
    elif kind == VIDEO:
        original, copy = take_video(content, most, loudness=loudness)
    else:
        original, copy = take_sound(content, most, loudness=loudness)
    return Intake(original=original, copy=copy, recipe=recipe_of(kind, loudness))


def store_with_copy(content: bytes) -> Media:
    """Store a file and its copy; return the original's row. Raises `MediaRefused`."""
    taken = take_in(content)
    rows = [described_media(taken.original), described_media(taken.copy)]
    for row, media in zip(rows, (taken.original, taken.copy), strict=True):
        put_content(row, media.content)
    return save_with_copy(rows[0], rows[1], taken.recipe)


@write_transaction()
def save_with_copy(original: Media, copy: Media, recipe: str) -> Media:
    """Save the rows of a file and its copy, both stored already; return the original's."""
    source = save_media(original)
    defaults = {"media": save_media(copy)}
    ServedCopy.objects.get_or_create(source=source, recipe=recipe, defaults=defaults)
    return source


def make_copies(sources: Iterable[Media], *, loudness: float | None) -> int:
    """Make the copies that are missing; return how many. Each stands as soon as it is made."""
    made = 0
    for source in sources:
        recipe = recipe_of(source.kind, loudness)
        if ServedCopy.objects.filter(source=source, recipe=recipe).exists():
            continue
        taken = take_in(read_media(source), loudness=loudness)
        copy = described_media(taken.copy)
        put_content(copy, taken.copy.content)
        save_with_copy(source, copy, recipe)
        made += 1
    return made


def served_copy(source: Media, *, loudness: float | None) -> Media | None:
    """Return what is served in place of a file; None: no copy was made."""
    found = ServedCopy.objects.select_related("media").filter(
        source=source, recipe=recipe_of(source.kind, loudness)
    )
    copy = found.first()
    return copy.media if copy else None
