"""Markdown that names cannot break: tables, and text in which nothing is markup."""

from __future__ import annotations

import html
import re
from typing import Any

Report = dict[str, Any]


def text_table(header: list[str], rows: list[list[str]], *, right: Any) -> str:
    rule = ["---:" if i in right else "---" for i in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def safe(text: str) -> str:
    """Escape what Markdown or HTML would act on; line breaks become spaces."""
    flat = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", flat)


def level_of(report: Report) -> str:
    return f"{100 * report['method']['level']:.3g}%"
