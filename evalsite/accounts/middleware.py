"""What happens to a live page when its session ends."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect


def send_htmx_to_sign_in(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer htmx with a client redirect; it would put the sign-in page inside the open one."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        address = response.get("Location", "")
        is_sign_in = address.partition("?")[0] == resolve_url(settings.LOGIN_URL)
        if is_sign_in and request.headers.get("HX-Request") == "true":
            return HttpResponseClientRedirect(address)
        return response

    return middleware
