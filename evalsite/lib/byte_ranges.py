"""Parts of a file for players that ask for parts: Safari plays nothing else."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def ranged_response(request: HttpRequest, content: bytes, *, content_type: str) -> HttpResponse:
    """Answer with the bytes that are asked for (RFC 9110, section 14), or with all of them."""
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    response = HttpResponse(content, content_type=content_type)
    if asked and any(asked.groups()):
        first, last = _bounds(*asked.groups(), size=len(content))
        if first > last:
            response = HttpResponse(
                status=416, headers={"Content-Range": f"bytes */{len(content)}"}
            )
        else:
            response = HttpResponse(content[first : last + 1], content_type, status=206)
            response["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    response["Accept-Ranges"] = "bytes"
    return response


def _bounds(first: str, last: str, *, size: int) -> tuple[int, int]:
    """Return the first and the last byte; the first is the later one where there is none."""
    if not first:  # the last so many
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last or size), size - 1)
