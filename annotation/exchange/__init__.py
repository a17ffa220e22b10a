"""Judgments from elsewhere, and back: files whose every row is kept or none."""

from __future__ import annotations

from annotation.exchange.exports import export_columns, export_kinds, export_records
from annotation.exchange.imports import create_study_with_judgments, import_judgments
from annotation.exchange.lines import COLUMNS, PREFIXES

__all__ = [
    "COLUMNS",
    "PREFIXES",
    "create_study_with_judgments",
    "export_columns",
    "export_kinds",
    "export_records",
    "import_judgments",
]
