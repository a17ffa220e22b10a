"""The shape of what a rater's browser sends. Whether it may be stored, the service decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms

from annotation.assignments import Reply
from annotation.models import Flag
from annotation.survey import MAX_TEXT, Question


class TokenForm(forms.Form):
    token = forms.UUIDField()


class FlagForm(TokenForm):
    reason = forms.ChoiceField(choices=Flag.Reason.choices)
    text = forms.CharField(required=False, max_length=1000, strip=True)


class AnswerForm(TokenForm):
    """The fields that all protocols share; a longer form's own are the `parts` of the reply."""

    choice = forms.CharField(required=False, max_length=20)
    seconds = forms.FloatField(required=False, min_value=0, max_value=1e6)
    comment = forms.CharField(required=False, max_length=5000, strip=True)
    plays = forms.CharField(required=False, max_length=100_000)

    def reply(self) -> Reply:
        data = self.cleaned_data
        return Reply(
            choice=data["choice"],
            parts={name: self.data[name] for name in self.data},
            seconds=data["seconds"],
            comment=data["comment"],
            plays=data["plays"],
        )


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An answer that lacks something: shown again as it was, with what is missing."""

    token: UUID
    fields: Mapping[str, str]
    problem: str

    @property
    def seconds(self) -> str:
        """Return the time on screen so far, which goes on from there."""
        return self.fields.get("seconds", "")

    @property
    def plays(self) -> str:
        """Return what was played so far."""
        return self.fields.get("plays", "")


class SurveyForm(forms.Form):
    """The study's own questions, as fields by their keys."""

    def __init__(self, *args: Any, questions: Sequence[Question], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in questions:
            self.fields[question.key] = _field(question)

    def answers(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


def _field(question: Question) -> forms.Field:
    common: dict[str, Any] = {"label": question.question, "required": question.required}
    if question.kind == "text":
        widget = forms.Textarea(attrs={"rows": 3, "dir": "auto"})
        return forms.CharField(max_length=MAX_TEXT, widget=widget, **common)
    return forms.ChoiceField(choices=question.options, widget=forms.RadioSelect, **common)
