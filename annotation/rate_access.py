"""Who a rater is: a signed link once, then a signed cookie that only this study's pages get."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language_from_request, override
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect

from annotation.models import INVITE_SALT, Rater
from evalsite.lib.http import HtmxHttpRequest, wants_fragment
from evalsite.lib.prepared import Prepared

COOKIE = "rater"
COOKIE_SALT = "annotation.rater"
COOKIE_SECONDS = 90 * 24 * 3600


class RaterHttpRequest(HtmxHttpRequest):
    """A request that `rater_required` has let through; `rater.study` is loaded."""

    rater: Rater


def rater_from_token(token: str) -> Rater | None:
    """Return the rater that an invite link names; None for a forged or revoked one."""
    try:
        public_id = Signer(salt=INVITE_SALT).unsign(token)
    except BadSignature:
        return None
    return _ACTIVE_RATER.first(public_id=public_id)


def remember_rater(response: HttpResponse, rater: Rater) -> None:
    response.set_signed_cookie(
        COOKIE,
        rater.public_id,
        salt=COOKIE_SALT,
        max_age=COOKIE_SECONDS,
        path=reverse("annotation:rate-home", args=[rater.study.public_id]),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


View = Callable[..., HttpResponseBase]


def rater_required(view: View) -> Callable[..., HttpResponseBase]:
    """Set `request.rater`; without a valid cookie, say how to come back. Nothing is cached."""

    @never_cache
    @wraps(view)
    def checked(request: RaterHttpRequest, public_id: str, **kwargs: Any) -> HttpResponseBase:
        rater = known_rater(request, public_id)
        if rater is None:
            return _who_are_you(request, public_id)
        request.rater = rater
        with override(rater.study.language):
            return view(request, **kwargs)

    return checked


def known_rater(request: HttpRequest, study_public_id: str) -> Rater | None:
    """Return the rater that the browser's cookie names, if it is one of that study."""
    known = request.get_signed_cookie(COOKIE, default="", salt=COOKIE_SALT, max_age=COOKIE_SECONDS)
    rater = _ACTIVE_RATER.first(public_id=known) if known else None
    return rater if rater is not None and rater.study.public_id == study_public_id else None


def _active_raters() -> QuerySet[Rater]:
    raters = Rater.objects.select_related("study__stored_way").defer("study__plan")
    return raters.filter(revoked_at=None)


_ACTIVE_RATER = Prepared(_active_raters, "public_id")


def _who_are_you(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    if wants_fragment(request):
        # Else the page would land inside the one that is open.
        return HttpResponseClientRedirect(reverse("annotation:rate-home", args=[public_id]))
    return stranger_page(request)


def stranger_page(request: HttpRequest, *, status: int = 403) -> HttpResponse:
    """Say how to come in, in the browser's language; of the study a stranger is told nothing."""
    with override(get_language_from_request(request)):
        return render(request, "annotation/rate/stranger.html", status=status)
