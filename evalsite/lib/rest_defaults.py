"""What Django REST framework's settings name. Apart from `rest.py`, which imports its views."""

from __future__ import annotations

from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class AlwaysJson(BaseContentNegotiation):
    """Answer in the one format there is, whatever the client says it accepts."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next((p for p in parsers if _is_json(request.content_type)), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def _is_json(content_type: str) -> bool:
    return content_type.split(";")[0].strip().lower() == "application/json"


class Pagination(CursorPagination):
    """Cursors cost the same on every page and never skip a row that is added meanwhile."""

    page_size = 100
    ordering = "pk"
