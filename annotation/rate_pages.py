"""What all pages of a rater share: the context, a plain refusal, and the order of the steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from annotation.blinding import blind_study
from annotation.exceptions import StepNotOpen
from annotation.models import Rater
from annotation.rate_access import RaterHttpRequest, View, rater_required
from annotation.steps import current_step, is_ahead
from evalsite.lib.http import render_page, wants_fragment


def rater_context(rater: Rater, **more: Any) -> dict[str, Any]:
    """The only things that rater templates see: blind objects and counts."""
    return {"study": blind_study(rater.study), "token": rater.invite_token, **more}


def rater_page(
    request: RaterHttpRequest, name: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Render a page that htmx never asks for in part."""
    context = rater_context(request.rater, **more)
    response = render(request, f"annotation/rate/{name}.html", context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def turn_page(
    request: RaterHttpRequest, name: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    """Render what stands in place of a task, as a page or for htmx."""
    return render_page(
        request,
        f"annotation/rate/{name}.html",
        rater_context(request.rater, **more),
        fragment=f"annotation/rate/_{name}.html",
        status=status,
    )


def refusal(request: RaterHttpRequest, message: str) -> HttpResponse:
    """Say plainly what went wrong and what to do next; nothing was stored."""
    status = 200 if wants_fragment(request) else 409
    return turn_page(request, "refused", status=status, message=message)


def go_home(request: RaterHttpRequest) -> HttpResponse:
    """Lead to the step where the rater stands."""
    step, study = current_step(request.rater), request.rater.study
    response = redirect(step.url_name, study.public_id)
    return HttpResponseClientRedirect(response.url) if wants_fragment(request) else response


def at_step(*names: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Let a rater through only at one of these steps.

    Elsewhere a look leads to where the rater stands. A POST that is sent again for a step that is
    done does the same; one for a step that is not reached yet is refused.
    """

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @rater_required
        @wraps(view)
        def checked(request: RaterHttpRequest, *args: Any) -> HttpResponseBase:
            rater = request.rater
            if current_step(rater).name in names:
                return view(request, *args)
            if request.method == "POST" and all(is_ahead(rater, name) for name in names):
                return refusal(request, str(StepNotOpen()))
            return go_home(request)

        return checked

    return decorate
