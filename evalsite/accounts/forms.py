from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from evalsite.accounts.services import note_failed_attempt, too_many_attempts


class SignInForm(AuthenticationForm):
    """Django's own form, with a brake: ten wrong tries, then a quarter of an hour's rest."""

    def clean(self) -> dict[str, Any]:
        username = str(self.cleaned_data.get("username", ""))
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        if too_many_attempts(username, address):
            raise ValidationError("Too many tries. Wait a quarter of an hour, then try again.")
        try:
            return super().clean()
        except ValidationError:
            note_failed_attempt(username, address)
            raise
