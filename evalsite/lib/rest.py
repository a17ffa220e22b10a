"""What the apps' API views share: strict input, closed lists of parameters, documented answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

Method = TypeVar("Method", bound=Callable[..., Any])


class Text(serializers.CharField):
    """A text that is a text: numbers are not turned into one, and every database can hold it."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("Not a text.")
        try:
            data.encode()
        except UnicodeEncodeError:
            raise ValidationError("Not valid Unicode.") from None
        return str(super().to_internal_value(data))


class Whole(serializers.IntegerField):
    """A whole number that is a number."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise ValidationError("Not a whole number.")
        return int(super().to_internal_value(data))


class YesNo(serializers.BooleanField):
    """True or false, and not a text that looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError("Neither true nor false.")
        return data


class Body(serializers.Serializer[Any]):
    """The shape of a request; a field that nobody asked for is refused."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(map(str, data)) - set(self.fields))):
            raise ValidationError({unknown[0][:100]: ["Unknown field."]})
        return super().to_internal_value(data)


class ClosedParameters:
    """Refuse query parameters that the view does not name: none ever reaches the ORM."""

    parameters: tuple[str, ...] = ("cursor",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        for name in request.query_params:
            if name not in self.parameters:
                raise ValidationError({name[:100]: ["Unknown parameter."]})


class View(ClosedParameters, GenericAPIView[Any]):
    """A view of the API. Lists take a cursor; the others take no parameter."""


def checked(body: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the checked body; a bad one is answered with 400."""
    serializer = body(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


_ERROR = inline_serializer("Error", {"detail": serializers.CharField()})


def documented(
    summary: str,
    *,
    answer: Any,
    status: int = 200,
    body: Any = None,
    also: tuple[int, ...] = (),
    streams: dict[str, Any] | None = None,
    parameters: dict[str, str] | None = None,
) -> Callable[[Method], Method]:
    """Describe an operation: what it takes, what it answers, and every way it can refuse."""
    codes = sorted({400, 401, 429, *also, *((415, 413) if body else ())})
    refusals = {code: (OpenApiTypes.OBJECT if code == 400 else _ERROR) for code in codes}
    describe: Callable[[Method], Method] = extend_schema(
        summary=summary,
        request=body,
        responses={
            **(
                {(200, kind): what for kind, what in streams.items()}
                if streams
                else {status: answer}
            ),
            **refusals,
        },
        parameters=[
            OpenApiParameter(name, OpenApiTypes.STR, description=words)
            for name, words in (parameters or {}).items()
        ],
    )
    return describe
