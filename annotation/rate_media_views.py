"""What a task shows besides text, at addresses that say nothing but the place on the screen."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from annotation.blinding import blind_task, media_at, role_at
from annotation.foresight import ahead_of, foreseen
from annotation.models import Assignment, Rater, TaskOutput
from annotation.on_screen import assignment_for_screen
from annotation.protocols.mushra import ANCHORS
from annotation.rate_access import RaterHttpRequest, known_rater
from annotation.rate_pages import at_step
from annotation.steps import JUDGE, QUALIFICATION, TRAINING
from generation.anchors import served_anchor, served_hidden_reference
from generation.copies import served_copy
from generation.exceptions import MediaDamaged
from generation.media_files.kinds import AUDIO
from generation.media_responses import no_media, send_media
from generation.models import Media

ANCHOR_OF_ROLE = {f"anchor_{hertz}": hertz for hertz in ANCHORS}


@require_safe
def rate_media(request: HttpRequest, public_id: str, token: UUID, place: str) -> HttpResponseBase:
    """Send what stands at a place of the rater's own task; 404 for everybody and all else."""
    rater = known_rater(request, public_id)
    assignment = _shown_now(rater, token) if rater else None
    if rater is None or assignment is None:
        return no_media()
    source = media_at(assignment, place)
    copy = _copy(source, role_at(assignment, place), rater) if source else None
    if copy is None:
        return no_media()
    try:
        return send_media(request, copy)
    except MediaDamaged:
        return no_media()


@require_safe
@at_step(JUDGE.name, TRAINING.name, QUALIFICATION.name)
def ahead(request: RaterHttpRequest) -> HttpResponse:
    """Name the files of what the rater will probably be given next, for the browser to fetch."""
    assignment = foreseen(request.rater)
    files = [media.url for media in blind_task(assignment).media] if assignment else []
    return JsonResponse({"files": list(dict.fromkeys(files))})


def _copy(source: Media, role: str, rater: Rater) -> Media | None:
    """Return what is sent where `source` stands in that role."""
    loudness = rater.study.way.loudness
    if role in ANCHOR_OF_ROLE:
        return served_anchor(source, ANCHOR_OF_ROLE[role], loudness=loudness)
    if role == TaskOutput.Role.REFERENCE and source.kind == AUDIO:
        return served_hidden_reference(source, loudness=loudness)
    return served_copy(source, loudness=loudness)


def _shown_now(rater: Rater, token: UUID) -> Assignment | None:
    """Return what is on the rater's screen, was there just now or may come next."""
    slot = rater.assignments.filter(token=token).first()
    if slot is None:
        return ahead_of(rater, token)
    if not _is_open(slot, rater):
        return None
    shown = assignment_for_screen(slot.pk)
    shown.study = rater.study
    return shown


def _is_open(slot: Assignment, rater: Rater) -> bool:
    if slot.state == Assignment.State.CLAIMED:
        return slot.lease_until is not None and slot.lease_until > now()
    judged = rater.assignments.judged().order_by("-judged_at", "-pk")
    is_last = judged.values_list("pk", flat=True).first() == slot.pk
    return slot.reopened_at is not None or is_last
