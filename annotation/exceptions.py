"""What annotation refuses; the docstring is the message that people read."""

from __future__ import annotations

from evalsite.lib.exceptions import EvalsiteError


class AnnotationError(EvalsiteError):
    """That cannot be done in this study."""


class StudyNotDraft(AnnotationError):
    """The study was launched already; what was frozen then cannot be changed."""


class StudyNotReady(AnnotationError):
    """The study cannot be launched yet."""


class StudyNotOpen(AnnotationError):
    """The study is not open for rating."""


class StudyNotLaunched(AnnotationError):
    """The study is still a draft."""


class NotAdaptive(AnnotationError):
    """The study's pairing is not adaptive: its tasks were all decided at the launch."""


class BudgetSpent(AnnotationError):
    """The study's budget of tasks is spent."""


class AssignmentUnknown(AnnotationError):
    """That task is not on your screen any more: it was given back, or it is somebody else's."""


class AssignmentClosed(AnnotationError):
    """Your answer to that task was stored already."""


class AssignmentExpired(AnnotationError):
    """That task was given back, because its time had run out."""


class ChoiceUnknown(AnnotationError):
    """That is not one of the choices."""


class NothingToUndo(AnnotationError):
    """There is no judgment to undo."""


class LeakFound(AnnotationError):
    """Raters can tell which system made an output."""
