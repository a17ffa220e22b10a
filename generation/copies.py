"""Served copies: what raters get in place of a file, made when it is stored or a study launches.

Nothing is decoded when it is asked for. The original is kept, and never served to raters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings

from evalsite.lib.db import write_transaction
from generation.backends.media import MediaContent
from generation.exceptions import MediaDamaged
from generation.media import read_media, store_media
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
    source = store_media(taken.original)
    store_copy(source, taken.recipe, taken.copy)
    return source


def store_copy(source: Media, recipe: str, copy: MediaContent) -> None:
    """Store what is served in place of a file; a copy that is there already stands."""
    save_copy(source, recipe, store_media(copy))


@write_transaction()
def save_copy(source: Media, recipe: str, copy: Media) -> None:
    """Say of two rows that one is the copy of the other."""
    ServedCopy.objects.get_or_create(source=source, recipe=recipe, defaults={"media": copy})


def make_copies(sources: Iterable[Media], *, loudness: float | None) -> int:
    """Make the copies that are missing; return how many. Each stands as soon as it is made."""
    made = 0
    for source in sources:
        recipe = recipe_of(source.kind, loudness)
        if find_copy(source, recipe) is None:
            store_copy(source, recipe, take_in(read_media(source), loudness=loudness).copy)
            made += 1
    return made


def make_from_copy(
    source: Media, recipe: str, make: Callable[[bytes], MediaContent], *, loudness: float | None
) -> bool:
    """Make another copy of a file out of its served one; False: it is there already.

    Raises `MediaDamaged` without a served copy.
    """
    if find_copy(source, recipe) is not None:
        return False
    copy = served_copy(source, loudness=loudness)
    if copy is None:
        raise MediaDamaged
    store_copy(source, recipe, make(read_media(copy)))
    return True


def served_copy(source: Media, *, loudness: float | None) -> Media | None:
    """Return what is served in place of a file; None: no copy was made."""
    return find_copy(source, recipe_of(source.kind, loudness))


def find_copy(source: Media, recipe: str) -> Media | None:
    """Return the copy of a file that was made in that way; None: none was."""
    found = ServedCopy.objects.select_related("media").filter(source=source, recipe=recipe).first()
    return found.media if found else None
