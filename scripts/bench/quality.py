"""Measures and rules of raters over a million judgments: `./run bench quality`."""

from __future__ import annotations

import tempfile
from functools import partial

from scripts.bench.million import JUDGMENTS, RATERS, fill, set_up
from scripts.bench.timing import median, say, say_memory


def bench_quality() -> None:
    """Fill a database of its own; time the looks, the reading alone, and each measure."""
    with tempfile.TemporaryDirectory() as folder:
        set_up(folder)
        for protocol in ("pairwise", "ccr"):
            _measure(protocol)
        say_memory()


def _measure(protocol: str) -> None:
    from annotation.quality.assessment import assess, measures_of, study_columns
    from annotation.quality.declaring import declare_rules
    from annotation.quality.reading import offers
    from annotation.quality.rule_sets import basic

    study, _ = fill(protocol)
    declare_rules(study, basic(offers(study)), reason="bench")
    say(f"{protocol}: {JUDGMENTS:,} judgments by {RATERS:,} raters, the basic rules")

    def first_look() -> None:
        study.packed.all().delete()
        assess(study)

    median("the first look of all", first_look, repeats=3)
    median("a look again", lambda: assess(study), repeats=3)
    median("  read the columns", lambda: study_columns(study), repeats=3)
    columns = study_columns(study).columns
    for measure in measures_of(study):
        median(f"  {measure.name}", partial(measure.take, columns), repeats=3)


if __name__ == "__main__":
    bench_quality()
