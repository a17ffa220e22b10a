"""What generation refuses; the docstring is the message."""

from __future__ import annotations

from evalsite.lib.exceptions import EvalsiteError


class GenerationError(EvalsiteError):
    """The outputs cannot be generated."""


class NothingToQueue(GenerationError):
    """Every output of this system over this prompt set is there or queued already."""


class OutputsAppeared(GenerationError):
    """Somebody else stored some of these outputs meanwhile: nothing of the file was stored."""


class SystemCannotGenerate(GenerationError):
    """The system has no backend: its outputs are imported."""


class ModelNotFound(GenerationError):
    """The model is not in any folder of EVALSITE_MODEL_ROOTS."""


class ModelNotUsable(GenerationError):
    """The model cannot be used for generation."""


class DeviceLost(GenerationError):
    """The device takes no more work from this process: another one may have it."""


class MediaDamaged(GenerationError):
    """The stored file is gone, or is not what was stored."""


class FileTakenBack(GenerationError):
    """An import that was refused took back a file that this one shares with it: start it again."""


class WorkersKeepDying(GenerationError):
    """Workers die as soon as they are placed."""
