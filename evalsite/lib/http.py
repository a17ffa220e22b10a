"""Requests with types, and pages that htmx can ask for in part."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails


class HtmxHttpRequest(HttpRequest):
    htmx: HtmxDetails


class UserHttpRequest(HtmxHttpRequest):
    """A request that `login_required` has let through."""

    user: User


def wants_fragment(request: HtmxHttpRequest) -> bool:
    """True when htmx asks for a part; a history restore needs the whole page."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HtmxHttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    fragment: str,
    status: int = 200,
) -> HttpResponse:
    """Render the page, or only its fragment (`app/_name.html`) when htmx asks for it."""
    name = fragment if wants_fragment(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
