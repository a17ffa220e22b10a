"""`manage.py export_survey STUDY --format csv|jsonl`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from annotation.lookup import study_named
from annotation.models import Study, SurveyAnswers
from annotation.survey import questions_of
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.tabular import csv_lines, json_lines


class Command(EvalsiteCommand):
    help = "Write what raters answered after the judging: one row a rater, one column a question."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--format", choices=["csv", "jsonl"], default="csv")

    def handle(self, *, study: str, format: str, **_: Any) -> None:
        chosen = study_named(study)
        keys = [question.key for question in questions_of(chosen)]
        lines = csv_lines if format == "csv" else json_lines
        columns = ["rater", "answered_at", *(f"answer_{key}" for key in keys)]
        self.stdout.writelines(lines(columns, _records(chosen, keys)))


def _records(study: Study, keys: list[str]) -> Iterator[dict[str, Any]]:
    rows = SurveyAnswers.objects.filter(rater__study=study).select_related("rater")
    for row in rows.order_by("rater").iterator():
        yield {
            "rater": row.rater.name,
            "answered_at": row.created_at.isoformat(),
            **{f"answer_{key}": str(row.answers.get(key, "")) for key in keys},
        }
