"""Byte ranges of HTTP (RFC 9110, section 14): what a player asks for when it seeks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class RangeNotSatisfiable(Exception):
    """The range begins behind the end."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return where the wanted part starts and stops; None: the whole.

    One range only; what cannot be read is ignored, as the RFC allows. Raises
    `RangeNotSatisfiable`.
    """
    found = _RANGE.fullmatch(header.strip())
    if not found or found[1] == found[2] == "":
        return None
    if found[1] == "":
        start, stop = max(size - int(found[2]), 0), size
    else:
        start = int(found[1])
        stop = min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable
    return start, stop


def send_part(
    request: HttpRequest,
    read: Callable[[int, int], Iterator[bytes]],
    *,
    size: int,
    content_type: str,
    headers: Mapping[str, str],
) -> HttpResponseBase:
    """Send a file of `size` bytes, or the part of it that a player asks for.

    `read` yields the bytes from a start up to a stop; it is called before anything is sent, and
    not where nothing is. `headers` are those of every answer.
    """
    headers = {"Accept-Ranges": "bytes", **headers}
    try:
        part = parse_range(request.headers.get("Range", ""), size)
    except RangeNotSatisfiable:
        headers["Content-Range"] = f"bytes */{size}"
        return HttpResponse(status=416, content_type=content_type, headers=headers)
    start, stop = part or (0, size)
    headers["Content-Length"] = str(stop - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=content_type, headers=headers)
    content = read(start, stop)
    return StreamingHttpResponse(content, status=status, content_type=content_type, headers=headers)
