"""The shape of what a rater's browser sends. Whether it may be stored, the service decides."""

from __future__ import annotations

from django import forms


class TokenForm(forms.Form):
    token = forms.UUIDField()


class AnswerForm(TokenForm):
    choice = forms.CharField(max_length=20)
    seconds = forms.FloatField(required=False, min_value=0, max_value=1e6)
    comment = forms.CharField(required=False, max_length=5000, strip=True)
