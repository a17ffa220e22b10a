"""The forms in which a report leaves the house."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ranking.reports.markdown import report_markdown
from ranking.reports.page import report_page
from ranking.reports.tables import report_csv


@dataclass(frozen=True, kw_only=True)
class Format:
    content_type: str
    render: Callable[[dict[str, Any]], str]


def report_json(report: dict[str, Any]) -> str:
    return json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


FORMATS = {
    "json": Format(content_type="application/json", render=report_json),
    "md": Format(content_type="text/markdown; charset=utf-8", render=report_markdown),
    "html": Format(content_type="text/html; charset=utf-8", render=report_page),
    "csv": Format(content_type="text/csv; charset=utf-8", render=report_csv),
}
