"""What a task shows besides text, at addresses that say nothing but the place on the screen."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from annotation.assignments import assignment_for_screen
from annotation.blinding import low_pass_at, media_at
from annotation.models import Assignment, Rater
from annotation.rate_access import known_rater
from evalsite.lib.ranges import RangeNotSatisfiable, parse_range
from generation.anchors import served_anchor
from generation.copies import served_copy
from generation.exceptions import MediaDamaged
from generation.media import read_part
from generation.models import Media

#: The same for every file of a kind. Kept by the browser for a while, so that a second listening
#: asks for nothing; there is no date, tag or name by which files could be told apart.
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=3600",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
def rate_media(request: HttpRequest, public_id: str, token: UUID, place: str) -> HttpResponseBase:
    """Send what stands at a place of the rater's own task; 404 for everybody and all else."""
    rater = known_rater(request, public_id)
    pk = _shown_now(rater, token) if rater else None
    if rater is None or pk is None:
        return _nothing()
    assignment = assignment_for_screen(pk)
    assignment.study = rater.study
    source = media_at(assignment, place)
    copy = _copy(source, low_pass_at(assignment, place), rater) if source else None
    return _sent(request, copy) if copy else _nothing()


def _copy(source: Media, hertz: int | None, rater: Rater) -> Media | None:
    loudness = rater.study.way.loudness
    if hertz is None:
        return served_copy(source, loudness=loudness)
    return served_anchor(source, hertz, loudness=loudness)


def _shown_now(rater: Rater, token: UUID) -> int | None:
    """Return the assignment's key while it is on the rater's screen, or the last that was."""
    slot = rater.assignments.filter(token=token).first()
    if slot is None:
        return None
    if slot.state == Assignment.State.CLAIMED:
        return slot.pk if slot.lease_until and slot.lease_until > now() else None
    judged = rater.assignments.judged().order_by("-judged_at", "-pk")
    is_last = judged.values_list("pk", flat=True).first() == slot.pk
    return slot.pk if slot.reopened_at or is_last else None


def _sent(request: HttpRequest, media: Media) -> HttpResponseBase:
    try:
        part = parse_range(request.headers.get("Range", ""), media.bytes)
    except RangeNotSatisfiable:
        headers = {"Content-Range": f"bytes */{media.bytes}"}
        return HttpResponse(status=416, content_type=media.mime, headers=_HEADERS | headers)
    start, stop = part or (0, media.bytes)
    headers = {**_HEADERS, "Content-Length": str(stop - start)}
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{media.bytes}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, content_type=media.mime, headers=headers)
    try:
        content = read_part(media, start, stop)
    except MediaDamaged:
        return _nothing()
    return StreamingHttpResponse(content, status=status, content_type=media.mime, headers=headers)


def _nothing() -> HttpResponse:
    return HttpResponse(
        "There is nothing here.",
        status=404,
        content_type="text/plain; charset=utf-8",
        headers={**_HEADERS, "Cache-Control": "no-store"},
    )
