"""What the raters think: Study, Rater, Task, Assignment, Judgment, and what is said of them."""

from __future__ import annotations

from annotation.models.assignments import Assignment, AssignmentQuerySet, Side
from annotation.models.audio_checks import AudioCheck
from annotation.models.flags import Flag
from annotation.models.judgments import Exclusion, Judgment, JudgmentQuerySet
from annotation.models.links import OPEN_LINK_SALT, Arrival, OpenLink
from annotation.models.packed import PackedJudgments
from annotation.models.raters import INVITE_SALT, Rater
from annotation.models.rules import Rule
from annotation.models.studies import Study, StudyEvent, StudySystem
from annotation.models.tasks import Task, TaskOutput
from annotation.models.way import Gold, SurveyAnswers, Way

__all__ = [
    "INVITE_SALT", "OPEN_LINK_SALT", "Arrival", "Assignment", "AssignmentQuerySet", "AudioCheck",
    "Exclusion", "Flag", "Gold", "Judgment", "JudgmentQuerySet", "OpenLink", "PackedJudgments",
    "Rater", "Rule", "Side", "Study", "StudyEvent", "StudySystem", "SurveyAnswers", "Task",
    "TaskOutput", "Way",
]  # fmt: skip
