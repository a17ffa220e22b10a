"""What is frozen at a launch: everything that was decided, in a form that a stranger can check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, QuerySet, TextField

from annotation.models import Study
from annotation.quality.declaring import plan_of_rules
from annotation.rounds import plan_of_rounds
from annotation.stretches import plan_of_order
from annotation.tasks import GONE
from annotation.way import plan_of_way
from evalsite.lib.text import sha256
from generation.models import Output, System

FIELDS = (
    "protocol", "question", "instructions", "consent", "title", "language", "redact",
    "left_out", "sample", "allow_tie", "allow_both_bad", "options", "pairing", "task_budget",
    "judgments_per_task", "tasks_per_rater", "category_shares", "lease_minutes", "seed",
)  # fmt: skip
DIGEST_RULE = (
    "sha256 of one line for each prompt, in the prompt set's order, each ended by a newline: the "
    "sha256 of the output's text, or nothing while the output is in the making"
)


@dataclass(frozen=True, kw_only=True)
class SystemOutputs:
    """What there is of one system's outputs for the study's prompts."""

    missing: int
    broken: int
    in_the_making: int
    digest: str


def read_outputs(study: Study, systems: Sequence[System]) -> list[SystemOutputs]:
    """Read which outputs there are, system by system, from the index alone: never a text."""
    prompts = list(study.prompts.values_list("pk", flat=True))
    low, high = min(prompts, default=0), max(prompts, default=0)
    are_consecutive = prompts == list(range(low, high + 1))
    found = []
    for system in systems:
        outputs = Output.objects.filter(system=system, sample=study.sample)
        outputs = outputs.filter(prompt__gte=low, prompt__lte=high)
        whole = _facts_if_whole(outputs, len(prompts)) if are_consecutive else None
        found.append(whole or _facts(outputs, prompts))
    return found


def _facts_if_whole(outputs: QuerySet[Output], count: int) -> SystemOutputs | None:
    """Return the facts if all `count` outputs are done; the database puts the lines together."""
    done = outputs.filter(state=Output.State.DONE).order_by("prompt_id")
    rows = done.values("text_hash")[: count + 1]
    lines: str = rows.aggregate(lines=_Lines("text_hash"))["lines"] or ""
    if not lines or lines.count("\n") != count - 1:
        return None
    return SystemOutputs(missing=0, broken=0, in_the_making=0, digest=sha256(f"{lines}\n"))


class _Lines(Aggregate):
    """The values, one a line, in the order of the sliced rows."""

    function = "STRING_AGG"
    template = "%(function)s(%(expressions)s, CHR(10))"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "GROUP_CONCAT(%(expressions)s, CHAR(10))"
        return self.as_sql(compiler, connection, template=template, **context)


def _facts(outputs: QuerySet[Output], prompts: list[int]) -> SystemOutputs:
    found = {
        prompt: (state, text_hash)
        for prompt, state, text_hash in outputs.order_by().values_list(
            "prompt_id", "state", "text_hash"
        )
    }
    missing = (None, "")
    there = [found.get(prompt, missing) for prompt in prompts]
    states = Counter(state for state, _ in there)
    return SystemOutputs(
        missing=states[None],
        broken=sum(states[state] for state in GONE),
        in_the_making=states[Output.State.PENDING] + states[Output.State.RUNNING],
        digest=digest(text_hash for _, text_hash in there),
    )


def digest(text_hashes: Iterable[str]) -> str:
    """Return the digest of a system's outputs: see `DIGEST_RULE`."""
    return sha256("".join(f"{text_hash}\n" for text_hash in text_hashes))


def plan_of(
    study: Study, systems: Sequence[System], facts: Sequence[SystemOutputs]
) -> dict[str, Any]:
    """Return the plan of a study that is being launched."""
    tasks = "every task" if study.task_budget is None else "each of task_budget tasks"
    is_adaptive = study.pairing == Study.Pairing.ADAPTIVE
    return {
        **{field: getattr(study, field) for field in FIELDS},
        **(
            {"rounds": plan_of_rounds(study, systems=len(systems))}
            if is_adaptive
            else {"order": plan_of_order(study)}
        ),
        "raters": plan_of_way(study),
        "rules": plan_of_rules(study),
        "stopping_rule": f"{tasks} has judgments_per_task judgments, or the study is closed",
        "prompt_set": {
            "slug": study.prompt_set.slug,
            "content_hash": study.prompt_set.content_hash,
        },
        "systems": [
            {"slug": s.slug, "backend": s.backend, "model": s.model, "settings": s.settings}
            for s in systems
        ],
        "outputs": {
            "rule": DIGEST_RULE,
            "systems": {
                system.slug: {"in_the_making": fact.in_the_making, "sha256": fact.digest}
                for system, fact in zip(systems, facts, strict=True)
            },
        },
    }
