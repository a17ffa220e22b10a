"""The root of all domain errors: subclasses are named as facts, the docstring is the message."""

from __future__ import annotations

from django.utils.translation import gettext


class EvalsiteError(Exception):
    """evalsite cannot do that."""

    def __init__(self, message: str = "") -> None:
        # A rater reads it in the language of the study.
        super().__init__(message or gettext(" ".join((self.__doc__ or "").split())))


class InputRefused(EvalsiteError):
    """The file or form holds something that cannot be used.

    Says the file, the line, what is wrong and what was expected, in one line.
    """

    def __init__(
        self, wrong: str, *, expected: str, file: str = "", line: int | None = None
    ) -> None:
        self.wrong, self.expected, self.file, self.line = wrong, expected, file, line
        place = ":".join(str(part) for part in (file, line) if part not in ("", None))
        super().__init__(f"{place + ': ' if place else ''}{wrong}; expected {expected}")
