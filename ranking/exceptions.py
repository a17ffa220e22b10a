"""What ranking refuses; the docstring is the message."""

from __future__ import annotations

from evalsite.lib.exceptions import EvalsiteError


class RankingError(EvalsiteError):
    """The study cannot be ranked."""


class NothingToScore(RankingError):
    """The prompt set has no references, or the system has no outputs for them."""


class AlreadyImported(RankingError):
    """This benchmark run was imported already."""


class CannotBePlanned(RankingError):
    """No study can be planned from these numbers."""
