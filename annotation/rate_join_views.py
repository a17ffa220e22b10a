"""The open link: the address says which link it is, only the cookie says who somebody is."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotation.blinding import blind_study
from annotation.exceptions import AnnotationError, PersonTaken
from annotation.joining import join, link_from_token, note_refusal, require_place
from annotation.models import OpenLink, Rater
from annotation.platforms import Ids, ids_in
from annotation.rate_access import known_rater, remember_rater, stranger_page
from evalsite.lib.http import HtmxHttpRequest


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join_page(request: HtmxHttpRequest, public_id: str, token: str) -> HttpResponse:
    """Invite to begin; the POST makes the rater, so that no preview of the link takes a place."""
    link = link_from_token(token, public_id)
    if link is None:
        return stranger_page(request)
    with override(link.study.language):
        return _come_in(request, link)


def _come_in(request: HtmxHttpRequest, link: OpenLink) -> HttpResponse:
    public_id = link.study.public_id
    try:
        ids = ids_in(request.GET, link.platform)
        rater = _returning(known_rater(request, public_id), ids, link)
        if rater is None and request.method != "POST":
            return _invitation(request, link, ids)
        rater = rater or join(link, ids)
    except AnnotationError as error:
        return _turned_away(request, link, error)
    response = redirect("annotation:rate-home", public_id)
    remember_rater(response, rater)
    return response


def _returning(rater: Rater | None, ids: Ids, link: OpenLink) -> Rater | None:
    """Return who takes part from this browser; refuse another person's id in it."""
    if rater is None or not ids.person:
        return rater
    theirs = link.study.arrivals.filter(rater=rater).values_list("person", flat=True).first()
    if theirs != ids.person:
        note_refusal(link.study, ids.person)
        raise PersonTaken(gettext("Somebody with another id takes part from this browser already."))
    return rater


def _invitation(request: HtmxHttpRequest, link: OpenLink, ids: Ids) -> HttpResponse:
    if ids.person and link.study.arrivals.filter(person=ids.person).exists():
        note_refusal(link.study, ids.person)
        raise PersonTaken
    require_place(link)
    context = {"study": blind_study(link.study)}
    return render(request, "annotation/rate/join.html", context)


def _turned_away(request: HtmxHttpRequest, link: OpenLink, error: AnnotationError) -> HttpResponse:
    context = {
        "study": blind_study(link.study),
        "message": str(error),
        "is_taken": isinstance(error, PersonTaken),
    }
    status = 403 if context["is_taken"] else 409
    return render(request, "annotation/rate/turned_away.html", context, status=status)
