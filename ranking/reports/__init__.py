"""From a study to its report: one dictionary (the JSON), and its other forms."""

from __future__ import annotations

from ranking.reports.build import build_report, without_names
from ranking.reports.options import Options

__all__ = ["Options", "build_report", "without_names"]
