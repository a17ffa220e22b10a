"""Studies with raters who judged."""

from __future__ import annotations

from typing import Any

from annotation.launch import launch_study
from annotation.models import Judgment, Rater, Study
from annotation.quality.declaring import declare_rules
from annotation.quality.rules import RuleSpec
from tests.factories import make_judgment, make_rater, make_study

QUICK = RuleSpec(name="too quick", measure="quick", threshold=0.5, least=4, beyond_doubt=False)
HASTE = RuleSpec(name="one too quick", measure="haste", threshold=1.0)
RUN = RuleSpec(name="one button", measure="run", threshold=3, least=4)


def make_ruled_study(*rules: RuleSpec, **kwargs: Any) -> Study:
    kwargs.setdefault("prompts", 6)
    study = make_study(**kwargs)
    declare_rules(study, rules)
    return launch_study(study)


def judge_all_tasks(
    study: Study, name: str, *, seconds: float = 30, verdicts: str = "ab"
) -> list[Judgment]:
    """A rater who judges every task, with the verdicts in turn."""
    rater: Rater = make_rater(study, name)
    return [
        make_judgment(
            task, rater, seconds=seconds, verdict=verdicts[i % len(verdicts)], left="ab"[i % 3 == 0]
        )
        for i, task in enumerate(study.tasks.order_by("pk"))
    ]
