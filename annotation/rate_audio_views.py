"""The audio gate: the volume first, then one page for each part, then on."""

from __future__ import annotations

from django.http import Http404, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_http_methods, require_safe

from annotation.audio_gate.attempts import (
    advice_after,
    answer_part,
    begin_attempt,
    blind_part,
    latest_attempt,
    sound_of,
)
from annotation.audio_gate.sounds import volume_wav
from annotation.exceptions import AnnotationError, PartClosed
from annotation.models import Study
from annotation.rate_access import RaterHttpRequest, rater_required
from annotation.rate_pages import at_step, go_home, rater_page, turn_page
from annotation.steps import AUDIO, current_step
from evalsite.lib.ranges import send_part

CONTENT_TYPE = "audio/wav"


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(AUDIO.name)
def audio(request: RaterHttpRequest) -> HttpResponse:
    """Show the volume screen, or the part that is open; a POST begins, or answers the part."""
    if request.rater.study.state == Study.State.CLOSED:
        return turn_page(request, "over")
    if request.method != "POST":
        return _page(request)
    if "form" not in request.POST:
        begin_attempt(request.rater)
        return go_home(request)
    posted = {name: request.POST[name] for name in request.POST}
    try:
        answer_part(request.rater, form=posted["form"], posted=posted)
    except PartClosed:
        return go_home(request)  # sent again, or from another tab: the open part is shown
    except AnnotationError as error:
        return _page(request, kept=posted, problem=str(error))
    return go_home(request)


def _page(
    request: RaterHttpRequest, *, kept: dict[str, str] | None = None, problem: str = ""
) -> HttpResponse:
    check = latest_attempt(request.rater)
    part = blind_part(check, kept) if check else None
    if part is None:
        return rater_page(
            request,
            "audio_volume",
            parts=len(request.rater.study.way.audio_gate),
            advice=advice_after(check) if check else "",
        )
    status = 409 if problem else 200
    return rater_page(request, "audio_part", status=status, part=part, problem=problem)


@require_safe
@rater_required
def volume(request: RaterHttpRequest) -> HttpResponseBase:
    """The noise by which the volume is set; it is the same for everybody."""
    if current_step(request.rater) is not AUDIO:
        raise Http404
    return _sent(request, volume_wav())


@require_safe
@rater_required
def sound(request: RaterHttpRequest, sound: str) -> HttpResponseBase:
    """One sound of the part that this rater is at; to anybody else there is none."""
    found = sound_of(request.rater, sound) if current_step(request.rater) is AUDIO else None
    if found is None:
        raise Http404
    return _sent(request, found)


def _sent(request: RaterHttpRequest, content: bytes) -> HttpResponseBase:
    return send_part(
        request,
        lambda start, stop: iter([content[start:stop]]),
        size=len(content),
        content_type=CONTENT_TYPE,
        headers={},
    )
