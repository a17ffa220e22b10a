"""Media over HTTP: whole or in the part that a player asks for, in constant memory."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from evalsite.lib.ranges import send_part
from generation.media import read_part
from generation.models import Media

#: The same for every file of a kind: there is no date, tag or name by which they could be told
#: apart, and what is opened as a page of its own can do nothing.
_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def send_media(request: HttpRequest, media: Media) -> HttpResponseBase:
    """Send a file, or its part; raise `MediaDamaged` where it is gone.

    The browser keeps it for an hour, so that a second listening asks for nothing.
    """
    return send_part(
        request,
        partial(read_part, media),
        size=media.bytes,
        content_type=media.mime,
        headers=_HEADERS,
    )


def no_media() -> HttpResponse:
    """Say that there is nothing, alike for what is not there and what is not theirs."""
    return HttpResponse(
        "There is nothing here.",
        status=404,
        content_type="text/plain; charset=utf-8",
        headers=_HEADERS | {"Cache-Control": "no-store"},
    )
