"""Browsers without a screen, signed in as one of the cast."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories import make_user


def signed_in(username: str = "alice") -> Client:
    client = Client()
    client.force_login(make_user(username))
    return client


def errors(response: Any, form: str = "form") -> dict[str, list[str]]:
    """Return the form's errors by field; `__all__` holds those of the form as a whole."""
    found: dict[str, list[dict[str, str]]] = response.context[form].errors.get_json_data()
    return {field: [e["message"] for e in entries] for field, entries in found.items()}


def said(response: Any) -> str:
    """Return what the page tells the person after an action."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def upload(name: str, content: str | bytes) -> SimpleUploadedFile:
    data = content.encode() if isinstance(content, str) else content
    return SimpleUploadedFile(name, data)
