"""Template filters of the site; built in, so that no template has to load them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

LONG_CHARACTERS, LONG_LINES = 1500, 25


@register.filter
def stored_html(html: str) -> SafeString:
    """Show HTML that `evalsite.lib.markdown.render_markdown` sanitised when it was stored."""
    return mark_safe(html)  # noqa: S308 - sanitised once, at storage


@register.filter
def begins(path: str, start: str) -> bool:
    return path.startswith(start)


@register.filter
def before(text: str, mark: str) -> str:
    """Return what stands before the mark: a name without its explanation."""
    return text.partition(mark)[0]


@register.filter
def is_long(text: str) -> bool:
    """Return whether a text fills more than a screen beside others: it is cut there."""
    return len(text) > LONG_CHARACTERS or text.count("\n") > LONG_LINES


@register.filter
def spaced(name: str) -> str:
    """Turn a key such as `max_new_tokens` into words."""
    return name.replace("_", " ")


@register.filter
def pretty_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def percent(share: float | None, digits: int = 1) -> str:
    """Show a share as a percentage, with a true minus; a dash where there is none."""
    if not isinstance(share, (int, float)):
        return "–"
    # Rounded first: there is no minus nought.
    return f"{round(100 * share, digits) + 0.0:.{digits}f}%".replace("-", "\N{MINUS SIGN}")


@register.filter
def moment(stamp: str) -> str:
    """Show a time of ISO 8601 for people, as it was said: to the minute, in UTC."""
    return f"{datetime.fromisoformat(stamp).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@register.filter
def minus(number: str) -> str:
    """Show a number that is text already with a true minus."""
    return number.replace("-", "\N{MINUS SIGN}")


@register.filter
def entry(mapping: dict[Any, Any], key: Any) -> Any:
    return mapping.get(key)


@register.filter
def times(number: float, factor: float) -> float:
    return number * factor


@register.filter
def words(text: str) -> list[str]:
    return text.split()
