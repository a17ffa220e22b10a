"""Form fields that two apps share."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Checkboxes for rows. An id too large for the database is as unknown as any other."""

    widget = forms.CheckboxSelectMultiple

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except OverflowError:
            raise ValidationError("Choose among those that are listed.") from None
