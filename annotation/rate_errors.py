"""What a rater reads where no view answers: in the study's language, with the way back."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, override
from django_htmx.http import HttpResponseClientRedirect

from annotation.models import Rater
from annotation.rate_access import known_rater, stranger_page
from annotation.rate_pages import rater_context

_PATH = re.compile(r"/rate/([^/]+)/")


def is_for_rater(request: HttpRequest) -> bool:
    return _PATH.match(request.path_info) is not None


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Answer an address below a study that leads nowhere."""
    rater = _rater_of(request)
    if rater is None:
        return stranger_page(request, status=404)
    with override(rater.study.language):
        return render(request, "annotation/rate/nothing.html", rater_context(rater), status=404)


def unreadable(request: HttpRequest) -> HttpResponse:
    """Answer a form that is too large for one, or was broken on its way."""
    return _not_stored(request, 400)


def forged(request: HttpRequest) -> HttpResponse:
    """Answer a form without this browser's mark against forgery: mostly one of long ago."""
    return _not_stored(request, 403)


def _not_stored(request: HttpRequest, status: int) -> HttpResponse:
    rater = _rater_of(request)
    if rater is None:
        return stranger_page(request, status=status)
    if request.headers.get("HX-Request") == "true":
        # Else nothing would happen on the page that is open: htmx shows no errors.
        return HttpResponseClientRedirect(
            reverse("annotation:rate-home", args=[rater.study.public_id])
        )
    with override(rater.study.language):
        context = rater_context(rater, message=_why(status))
        return render(request, "annotation/rate/refused.html", context, status=status)


def _why(status: int) -> str:
    if status == 400:
        return gettext("That answer could not be read.")
    return gettext("Its page was opened too long ago, or this browser has lost its cookies since.")


def _rater_of(request: HttpRequest) -> Rater | None:
    match = _PATH.match(request.path_info)
    return known_rater(request, match[1]) if match else None
