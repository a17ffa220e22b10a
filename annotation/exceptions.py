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


class AnswerIncomplete(AnnotationError):
    """One answer is missing."""


class StepNotOpen(AnnotationError):
    """Something comes before that; go on with it first."""


class NothingToUndo(AnnotationError):
    """There is no judgment to undo."""


class LeakFound(AnnotationError):
    """Raters can tell which system made an output."""


class StudyFull(AnnotationError):
    """The study is full: others are judging all that is left. Nothing is asked of you."""


class LinkClosed(AnnotationError):
    """This link admits nobody more: as many as were wanted have come, or it was closed."""


class PersonTaken(AnnotationError):
    """Somebody takes part with that id already, in another browser."""


class PlatformIdMissing(AnnotationError):
    """The address does not say who you are: open the link from the platform that sent you."""


class PlatformPreview(AnnotationError):
    """This is a preview: accept the task first, then open the link again."""


class RulesChanged(AnnotationError):
    """The study's rules have changed meanwhile; look at what they would exclude again."""


#: What raters are told: these docstrings stand in the catalogs of `annotation/locale`.
TOLD_TO_RATERS = (
    StudyNotOpen, AssignmentUnknown, AssignmentClosed, AssignmentExpired, ChoiceUnknown,
    AnswerIncomplete, StepNotOpen, NothingToUndo, StudyFull, LinkClosed, PersonTaken,
    PlatformIdMissing, PlatformPreview,
)  # fmt: skip
