"""Who owns what a command makes."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from evalsite.lib.exceptions import InputRefused

DEFAULT_OWNER = "researcher"


def owner_named(username: str | None) -> User:
    """Return the named user; without a name, the first superuser, else the user `researcher`.

    That user is made without a password: `manage.py login_link` is the way in.
    """
    users = get_user_model().objects
    if username:
        if found := users.filter(username=username).first():
            return found
        raise InputRefused(f"unknown user {username!r}", expected="the name of an existing user")
    if found := users.filter(is_superuser=True, is_active=True).order_by("pk").first():
        return found
    user, created = users.get_or_create(username=DEFAULT_OWNER)
    if created:
        user.set_unusable_password()
        user.save()
    return user
