"""Media over HTTP: whole or in the part that a player asks for, in constant memory."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from evalsite.lib.ranges import RangeNotSatisfiable, parse_range
from generation.media import read_part
from generation.models import Media

#: The same for every file of a kind: there is no date, tag or name by which they could be told
#: apart, and what is opened as a page of its own can do nothing.
_HEADERS = {
    "Accept-Ranges": "bytes",
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
    try:
        part = parse_range(request.headers.get("Range", ""), media.bytes)
    except RangeNotSatisfiable:
        return _empty(media, 416, {"Content-Range": f"bytes */{media.bytes}"})
    start, stop = part or (0, media.bytes)
    headers = {"Content-Length": str(stop - start)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{media.bytes}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return _empty(media, status, headers)
    return StreamingHttpResponse(
        read_part(media, start, stop),
        status=status,
        content_type=media.mime,
        headers=_HEADERS | headers,
    )


def no_media() -> HttpResponse:
    """Say that there is nothing, alike for what is not there and what is not theirs."""
    return HttpResponse(
        "There is nothing here.",
        status=404,
        content_type="text/plain; charset=utf-8",
        headers=_HEADERS | {"Cache-Control": "no-store"},
    )


def _empty(media: Media, status: int, headers: Mapping[str, str]) -> HttpResponse:
    return HttpResponse(status=status, content_type=media.mime, headers={**_HEADERS, **headers})
