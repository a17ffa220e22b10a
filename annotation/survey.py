"""The questions after the judging: declared in the study's file, asked once, stored as given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation.models import Rater, Study, SurveyAnswers
from annotation.steps import SURVEY, Step, complete_step
from evalsite.lib.db import write_transaction

KINDS = ("text", "choice", "scale")
MAX_QUESTIONS = 20
MAX_TEXT = 2000


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question. A scale has whole numbers from `low` to `high`, with words for its ends."""

    key: str
    kind: str
    question: str
    choices: tuple[str, ...] = ()
    low: int = 1
    high: int = 5
    low_words: str = ""
    high_words: str = ""
    required: bool = True

    @property
    def options(self) -> list[tuple[str, str]]:
        """What can be chosen: value and words. Empty for a text."""
        if self.kind == "choice":
            return [(words, words) for words in self.choices]
        if self.kind == "text":
            return []
        ends = {self.low: self.low_words, self.high: self.high_words}
        numbers = range(self.low, self.high + 1)
        return [(str(n), f"{n}: {ends[n]}" if ends.get(n) else str(n)) for n in numbers]


def questions_of(study: Study) -> list[Question]:
    return [
        Question(**{**entry, "choices": tuple(entry.get("choices", ()))})
        for entry in study.way.survey
    ]


@write_transaction()
def answer_survey(rater: Rater, answers: dict[str, Any]) -> Step:
    """Store the answers, once, and go on. Sent twice, the first ones stay."""
    SurveyAnswers.objects.get_or_create(rater=rater, defaults={"answers": answers})
    return complete_step(rater, SURVEY)
