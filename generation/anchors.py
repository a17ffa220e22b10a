"""Anchors of references, made before raters come and kept like served copies."""

from __future__ import annotations

from collections.abc import Iterable

from generation.copies import find_copy, recipe_of, served_copy, store_copy
from generation.exceptions import MediaDamaged
from generation.media import read_media
from generation.media_files.anchors import anchor_of
from generation.media_files.kinds import AUDIO
from generation.models import Media


def make_anchors(
    references: Iterable[Media], *, anchors: Iterable[int], loudness: float | None
) -> int:
    """Make the anchors [Hz] of references that are missing; return how many.

    They are made from the served copies, which must be there: so an anchor is as loud as its
    reference, but for what the low-pass takes. Raises `MediaDamaged` without a copy.
    """
    wanted = [(reference, hertz) for reference in references for hertz in anchors]
    missing = [w for w in wanted if served_anchor(*w, loudness=loudness) is None]
    for reference, hertz in missing:
        copy = served_copy(reference, loudness=loudness)
        if copy is None:
            raise MediaDamaged
        store_copy(reference, _recipe(hertz, loudness), anchor_of(read_media(copy), hertz))
    return len(missing)


def served_anchor(reference: Media, hertz: int, *, loudness: float | None) -> Media | None:
    """Return what is served as the anchor of a reference; None: none was made."""
    return find_copy(reference, _recipe(hertz, loudness))


def _recipe(hertz: int, loudness: float | None) -> str:
    return f"{recipe_of(AUDIO, loudness)}, low-pass {hertz} Hz"
