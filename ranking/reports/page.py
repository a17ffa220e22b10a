"""The report as one HTML file that opens offline: no link leads out, no script runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from ranking.reports.build import without_names
from ranking.reports.figures import figures

STYLES = ("evalsite/site.css", "evalsite/report.css")


def report_page(report: dict[str, Any]) -> str:
    """Return the page; raters appear in it by number, because such files are passed on."""
    public = without_names(report)
    context = {
        "report": public,
        "figures": figures(public),
        "is_public": True,
        "styles": [_style(name) for name in STYLES],
    }
    return render_to_string("ranking/report_file.html", context)


def _style(name: str) -> str:
    path = finders.find(name)
    if not isinstance(path, str):
        raise FileNotFoundError(name)
    return Path(path).read_text(encoding="utf-8")
