"""One-time login links: the way in for a researcher without a password."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.timezone import now


class LoginLink(models.Model):
    """A link that signs its user in once. Only the sha256 of its token is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="login_links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"login link for {self.user}"
