"""What all of the API shares: errors in one shape, its description."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.response import Response
from rest_framework.views import exception_handler

from evalsite.lib.exceptions import EvalsiteError, InputRefused


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer a domain error with 409, bad input with 400; the rest is DRF's."""
    if isinstance(error, InputRefused):
        return Response({"detail": str(error)}, status=400)
    if isinstance(error, EvalsiteError):
        return Response({"detail": str(error)}, status=409)
    if isinstance(error, RequestDataTooBig):
        return Response({"detail": "The request is too large."}, status=413)
    return exception_handler(error, context)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The API for people, made from its own description."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    operations = [
        {
            "path": path,
            "method": method.upper(),
            "summary": operation.get("summary", ""),
            "parameters": [p for p in operation.get("parameters", []) if p["in"] == "query"],
            "fields": _fields(schema, operation),
            "statuses": list(operation["responses"]),
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    nouns: dict[str, list[dict[str, Any]]] = {}
    for operation in operations:
        nouns.setdefault(operation["path"].split("/")[3], []).append(operation)
    return render(request, "api/docs.html", {"nouns": nouns.items()})


def _fields(schema: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of the body: name, kind, and whether it must be there."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content:
        return []
    name = content["schema"]["$ref"].rpartition("/")[2]
    body = schema["components"]["schemas"][name]
    required = body.get("required", [])
    return [
        {"name": key, "kind": value.get("type", "object"), "is_required": key in required}
        for key, value in body["properties"].items()
    ]
