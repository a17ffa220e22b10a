"""The shape of what a rater's browser sends. Whether it may be stored, the service decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from annotation.models import Flag
from annotation.survey import MAX_TEXT, Question


class TokenForm(forms.Form):
    token = forms.UUIDField()


class FlagForm(TokenForm):
    reason = forms.ChoiceField(choices=Flag.Reason.choices)
    text = forms.CharField(required=False, max_length=1000, strip=True)


class AnswerForm(TokenForm):
    choice = forms.CharField(max_length=20)
    seconds = forms.FloatField(required=False, min_value=0, max_value=1e6)
    comment = forms.CharField(required=False, max_length=5000, strip=True)


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
