"""Rows that commands name by slug."""

from __future__ import annotations

from annotation.models import Study
from evalsite.lib.exceptions import InputRefused


def study_named(slug: str) -> Study:
    if found := Study.objects.select_related("owner", "prompt_set").filter(slug=slug).first():
        return found
    raise InputRefused(f"unknown study {slug!r}", expected="the slug of a study")
