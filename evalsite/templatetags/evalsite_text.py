"""Template filters of the site."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from evalsite.lib.markdown import render_markdown

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Render a researcher's own text (instructions, consent); outputs are rendered when stored."""
    return mark_safe(render_markdown(text))  # noqa: S308 - sanitised by render_markdown
