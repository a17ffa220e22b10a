"""Why a file cannot be used, in the words of a refusal."""

from __future__ import annotations

from dataclasses import dataclass


class MediaRefused(Exception):
    """The file cannot be shown to raters; says what is wrong with it and what was expected."""

    def __init__(self, wrong: str, *, expected: str) -> None:
        self.wrong, self.expected = wrong, expected
        super().__init__(f"{wrong}; expected {expected}")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The most that one file may have: bytes, seconds of sound or video, pixels of an image."""

    bytes: int = 100 * 2**20
    seconds: float = 600.0
    pixels: int = 50_000_000
