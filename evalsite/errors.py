"""What is answered where no view does: JSON for programs, a page for people, theirs for raters."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseServerError, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import get_language_from_request, override

from annotation import rate_errors


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "Not found."}, status=404)
    if rate_errors.is_for_rater(request):
        return rate_errors.nothing_here(request)
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if rate_errors.is_for_rater(request):
        return rate_errors.unreadable(request)
    return render(request, "400.html", status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if rate_errors.is_for_rater(request):
        return rate_errors.forged(request)
    return render(request, "403_csrf.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say so in the browser's language to raters. No query: the database may be broken."""
    language = get_language_from_request(request) if rate_errors.is_for_rater(request) else "en"
    with override(language):
        return HttpResponseServerError(render_to_string("500.html"))
