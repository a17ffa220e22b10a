"""`manage.py audit_blinding STUDY`: fails when a rater could tell systems apart."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from annotation.audit import audit_blinding
from annotation.lookup import study_named
from evalsite.lib.commands import EvalsiteCommand


class Command(EvalsiteCommand):
    help = (
        "Crawl the study as a rater. Exit status 1 on any leak: a system's name, slug or model, a "
        "model family, an output's hash, in a page, header, cookie, address or file; keys of rows; "
        "a format or header of files that only some systems have; sides or tasks in an order that "
        "is a rule. Outputs that name themselves, and systems that are not equally loud, are "
        "listed. Nothing is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--tasks", type=int, help="look at so many tasks (default: all)")

    def handle(self, *, study: str, tasks: int | None, **_: Any) -> None:
        findings = audit_blinding(study_named(study), tasks=tasks)
        for finding in findings:
            kind = "LEAK" if finding.is_leak else finding.label
            self.stdout.write(f"{kind}: {finding.what!r} in the {finding.where}")
        leaks = sum(finding.is_leak for finding in findings)
        self.stdout.write(f"{leaks} leaks")
        if leaks:
            sys.exit(1)
