"""Ways in: one-time links, and a brake on guessing passwords."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils.timezone import now

from evalsite.accounts.models import LoginLink
from evalsite.lib.db import write_transaction
from evalsite.lib.text import sha256

LINK_LIFE = timedelta(hours=24)
MAX_ATTEMPTS = 10
ATTEMPT_SECONDS = 15 * 60


@write_transaction()
def create_login_link(user: User) -> str:
    """Return the token of a new link; only its hash is stored, so it cannot be shown again."""
    token = secrets.token_urlsafe(32)
    LoginLink.objects.create(user=user, token_hash=sha256(token), expires_at=now() + LINK_LIFE)
    return token


def usable_link(token: str) -> LoginLink | None:
    links = LoginLink.objects.select_related("user").filter(token_hash=sha256(token))
    return links.filter(used_at=None, expires_at__gt=now(), user__is_active=True).first()


@write_transaction()
def use_login_link(token: str) -> User | None:
    """Use the link up and return its user; None when it is used, expired or forged."""
    link = usable_link(token)
    used = link and LoginLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now())
    return link.user if link and used else None


def too_many_attempts(username: str, address: str) -> bool:
    return int(cache.get(_attempts_key(username, address), 0)) >= MAX_ATTEMPTS


def note_failed_attempt(username: str, address: str) -> None:
    key = _attempts_key(username, address)
    cache.add(key, 0, ATTEMPT_SECONDS)
    cache.incr(key)


def _attempts_key(username: str, address: str) -> str:
    return "sign-in:" + sha256(f"{username.casefold()}\x00{address}")
