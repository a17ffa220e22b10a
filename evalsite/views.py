"""The site's own pages: home, and health for operators."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation.models import Study
from generation.models import PromptSet, System

HOME_STUDIES = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Signed out: what this is. Signed in: the studies, and the next step."""
    user = request.user
    if not user.is_authenticated:
        return render(request, "home.html")
    context = {
        "studies": Study.objects.owned_by(user).with_progress()[:HOME_STUDIES],
        "has_more": Study.objects.owned_by(user).count() > HOME_STUDIES,
        "has_system": System.objects.owned_by(user).exists(),
        "has_prompt_set": PromptSet.objects.owned_by(user).exists(),
    }
    return render(request, "home.html", context)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers; made for load balancers, so it says no more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
