"""Names for URLs and commands, derived from names that are kept verbatim elsewhere."""

from __future__ import annotations

from django.db.models import Model, QuerySet
from django.utils.text import slugify

from evalsite.lib.exceptions import InputRefused

#: Taken by the pages that make things: /systems/new/.
RESERVED = {"new"}
MAX_LENGTH = 80


def free_slug(rows: QuerySet[Model], name: str, *, slug: str = "") -> str:
    """Return `slug` if it is one and free among `rows`; without it, derive a free one.

    A derived slug gets -2, -3, ... until it is free. Raises `InputRefused` for a given one.
    """
    if slug:
        return _checked(rows, slug)
    base = slugify(name)[:MAX_LENGTH] or "unnamed"
    # One query for all that could clash, instead of one for each candidate.
    taken = {*RESERVED, *rows.filter(slug__startswith=base).values_list("slug", flat=True)}
    found, number = base, 2
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    return found


def _checked(rows: QuerySet[Model], slug: str) -> str:
    if slug != slugify(slug)[:MAX_LENGTH] or slug in RESERVED:
        raise InputRefused(
            f"{slug!r} is not a slug", expected="lower-case letters, digits and hyphens"
        )
    if rows.filter(slug=slug).exists():
        kind = rows.model._meta.verbose_name
        raise InputRefused(f"the {kind} {slug!r} exists already", expected="a new slug")
    return slug
