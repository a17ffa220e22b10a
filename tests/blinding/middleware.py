"""A planted leak: an answer whose header names a system."""

from __future__ import annotations

from django.conf import settings


def tell_all(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Served-From"] = "cache of Aurora 7"
        return response

    return middleware


def plant(get_response):
    """A page with a word that no rater may read."""

    def middleware(request):
        response = get_response(request)
        if request.path.endswith("/judge/") and "text/html" in response.headers["Content-Type"]:
            response.content += f"<i data-of='{settings.PLANTED}'></i>".encode()
        return response

    return middleware


def tell_ahead(get_response):
    """A list of files to come that says whose they are."""

    def middleware(request):
        response = get_response(request)
        if request.path.endswith("/ahead/"):
            response.content = b'{"files": ["/media/aurora-seven/1.wav"]}'
        return response

    return middleware


def number_responses(get_response):
    count = iter(range(10**6))

    def middleware(request):
        response = get_response(request)
        response["X-Number"] = str(next(count))
        return response

    return middleware
