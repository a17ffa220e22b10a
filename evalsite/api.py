"""What all of the API shares: pages of results, and errors in one shape."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler

from evalsite.lib.exceptions import EvalsiteError, InputRefused


class Pagination(CursorPagination):
    """Cursors cost the same on every page and never skip a row that is added meanwhile."""

    page_size = 100
    ordering = "pk"


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer a domain error with 409, bad input with 400; the rest is DRF's."""
    if isinstance(error, InputRefused):
        return Response({"detail": str(error)}, status=400)
    if isinstance(error, EvalsiteError):
        return Response({"detail": str(error)}, status=409)
    return exception_handler(error, context)
