"""Measures and rules of raters over a million judgments: `./run bench quality`."""

from __future__ import annotations

import os
import tempfile
from functools import partial

from scripts.bench.report_page import JUDGMENTS, RATERS, _filled
from scripts.bench.timing import median, say, say_memory


def bench_quality() -> None:
    """Fill a database of its own; time reading, each measure, and all of it with rules."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EVALSITE_DATA": folder,
            "EVALSITE_HOSTS": "testserver",
            "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        }
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        _measure()


def _measure() -> None:
    from django.core.management import call_command

    from annotation.quality.assessment import assess, measures_of, study_columns
    from annotation.quality.declaring import declare_rules
    from annotation.quality.reading import offers
    from annotation.quality.rule_sets import basic

    call_command("migrate", verbosity=0)
    study, _ = _filled()
    say(f"{JUDGMENTS:,} judgments by {RATERS:,} raters")
    columns = study_columns(study).columns
    median("read the columns", lambda: study_columns(study), repeats=3)
    for measure in measures_of(study):
        median(f"  {measure.name}", partial(measure.take, columns), repeats=3)
    declare_rules(study, basic(offers(study)), reason="bench")
    median("everything, with the basic rules", lambda: assess(study), repeats=3)
    say_memory()


if __name__ == "__main__":
    bench_quality()
