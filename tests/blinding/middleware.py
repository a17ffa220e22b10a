"""A planted leak: an answer whose header names a system."""

from __future__ import annotations


def tell_all(get_response):
    def middleware(request):
        response = get_response(request)
        response["X-Served-From"] = "cache of Aurora 7"
        return response

    return middleware
