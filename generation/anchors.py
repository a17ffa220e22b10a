"""What hides among the sounds of MUSHRA: a reference once more, and its anchors.

They are made before raters come, from the reference's served copy, and kept like one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.utils.crypto import salted_hmac

from generation.copies import find_copy, make_from_copy, recipe_of
from generation.media_files.anchors import anchor_of
from generation.media_files.dither import dithered
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
    return sum(
        make_from_copy(
            reference,
            _recipe(hertz, loudness),
            partial(anchor_of, hertz=hertz),
            loudness=loudness,
        )
        for reference, hertz in wanted
    )


def served_anchor(reference: Media, hertz: int, *, loudness: float | None) -> Media | None:
    """Return what is served as the anchor of a reference; None: none was made."""
    return find_copy(reference, _recipe(hertz, loudness))


def make_hidden_references(references: Iterable[Media], *, loudness: float | None) -> int:
    """Make for each reference the file that hides it, where it is missing; return how many.

    It has other bytes than the one that is shown openly, and nothing else to hear. Raises
    `MediaDamaged` without a served copy.
    """
    return sum(
        make_from_copy(
            reference,
            _hidden_recipe(loudness),
            partial(dithered, seed=_seed(reference)),
            loudness=loudness,
        )
        for reference in references
    )


def served_hidden_reference(reference: Media, *, loudness: float | None) -> Media | None:
    """Return what is served where a reference hides; None: none was made."""
    return find_copy(reference, _hidden_recipe(loudness))


def _seed(reference: Media) -> int:
    """Return what the noise is drawn from: the same on this server, and unknown outside of it."""
    return int.from_bytes(
        salted_hmac("generation.anchors", reference.sha256, algorithm="sha256").digest()
    )


def _recipe(hertz: int, loudness: float | None) -> str:
    return f"{recipe_of(AUDIO, loudness)}, low-pass {hertz} Hz"


def _hidden_recipe(loudness: float | None) -> str:
    return f"{recipe_of(AUDIO, loudness)}, dithered"
