"""The site's own pages: home, and health for operators."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers; made for load balancers, so it says no more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})
