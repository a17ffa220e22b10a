"""The demo: our own prompts, three settings of a real small model, two studies open for rating."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User

from annotation import services as annotation
from annotation.launch import launch_study
from annotation.models import Rater, Study
from evalsite.lib.owners import owner_named
from evalsite.lib.tabular import read_rows
from generation import services as generation
from generation.models import Output, PromptSet, System
from ranking import services as ranking

PROMPTS = Path(__file__).with_name("prompts.jsonl")
PROMPT_SET = "demo-prompts"
MODEL = "smollm2-135m-instruct"
NEW_TOKENS = 64
TASKS_PER_RATER = 24

#: Three honest settings that differ visibly.
SYSTEMS: dict[str, dict[str, object]] = {
    "SmolLM2, greedy": {"temperature": 0.0},
    "SmolLM2, temperature 1.2": {"temperature": 1.2},
    "SmolLM2, told to be terse": {
        "temperature": 0.0,
        "system_prompt": "Answer in as few words as you can.",
    },
}

INSTRUCTIONS = {
    Study.Protocol.PAIRWISE: (
        "You will see a prompt and two answers to it. Choose the one that you would rather get.\n\n"
        "- Judge what is said: is it right, does it help, does it do what was asked?\n"
        "- Some answers are cut off at the end. Do not hold that against them.\n"
        "- If you cannot tell them apart, choose **Tie**; if neither is of any use, **Both bad**."
    ),
    Study.Protocol.MOS: (
        "You will see a prompt and one answer to it. Say how good the answer is, from **bad** to "
        "**excellent**.\n\n"
        "- Judge what is said: is it right, does it help, does it do what was asked?\n"
        "- Some answers are cut off at the end. Do not hold that against them.\n"
        "- Use the whole scale."
    ),
}
QUESTIONS = {
    Study.Protocol.PAIRWISE: "Which answer would you rather get?",
    Study.Protocol.MOS: "How good is this answer?",
}
TITLES = {Study.Protocol.PAIRWISE: "Helpful answers", Study.Protocol.MOS: "Good answers"}
CONSENT = (
    "Your answers are stored with the time that they took, under a made-up name. They are used "
    "to compare systems that write text. You can stop at any time and come back by your link."
)


@dataclass(frozen=True, kw_only=True)
class Demo:
    owner: User
    prompt_set: PromptSet
    pairwise: Study
    mos: Study


def find_demo() -> Demo | None:
    """Return the demo that an earlier start has built, if any."""
    launched = Study.objects.exclude(state=Study.State.DRAFT)
    studies = {study.slug: study for study in launched.filter(slug__startswith="demo-")}
    prompt_set = PromptSet.objects.filter(slug=PROMPT_SET).first()
    if prompt_set is None or not {"demo-pairwise", "demo-mos"} <= studies.keys():
        return None
    return Demo(
        owner=prompt_set.owner,
        prompt_set=prompt_set,
        pairwise=studies["demo-pairwise"],
        mos=studies["demo-mos"],
    )


def build_demo() -> Demo:
    """Make prompts, systems and jobs, and open the studies; a worker makes the outputs.

    Every step is skipped when an interrupted start has done it already.
    """
    if found := find_demo():
        return found
    owner = owner_named(None)
    prompt_set = PromptSet.objects.filter(slug=PROMPT_SET).first() or _make_prompt_set(owner)
    systems = [_system(owner, name, values) for name, values in SYSTEMS.items()]
    for system in systems:
        if not Output.objects.filter(system=system, prompt__prompt_set=prompt_set).exists():
            generation.queue_generation(system=system, prompt_set=prompt_set, seed=1)
    return Demo(
        owner=owner,
        prompt_set=prompt_set,
        pairwise=_study(owner, prompt_set, systems, Study.Protocol.PAIRWISE),
        mos=_study(owner, prompt_set, systems, Study.Protocol.MOS),
    )


def _make_prompt_set(owner: User) -> PromptSet:
    rows = read_rows(
        PROMPTS,
        required=generation.PROMPT_REQUIRED,
        optional=generation.PROMPT_OPTIONAL,
    )
    return generation.create_prompt_set(
        owner=owner,
        name="Demo prompts",
        slug=PROMPT_SET,
        description="24 short prompts of six kinds.",
        rows=rows,
    )


def _system(owner: User, name: str, values: dict[str, object]) -> System:
    return System.objects.filter(owner=owner, name=name).first() or generation.create_system(
        owner=owner,
        name=name,
        backend=System.Backend.TRANSFORMERS,
        model=MODEL,
        settings={**values, "max_new_tokens": NEW_TOKENS},
    )


def _study(
    owner: User,
    prompt_set: PromptSet,
    systems: list[System],
    protocol: Study.Protocol,
) -> Study:
    slug = f"demo-{protocol.value}"
    study = Study.objects.filter(slug=slug).first() or annotation.create_study(
        owner=owner,
        slug=slug,
        name=f"Demo: SmolLM2 settings, {protocol.value}",
        title=TITLES[protocol],
        protocol=protocol,
        question=QUESTIONS[protocol],
        instructions=INSTRUCTIONS[protocol],
        consent=CONSENT,
        prompt_set=prompt_set,
        systems=systems,
        judgments_per_task=2,
        tasks_per_rater=TASKS_PER_RATER,
        seed=1,
    )
    if study.state == Study.State.DRAFT:
        launch_study(study)
        annotation.invite_raters(study, count=1)
        study.refresh_from_db()
    return study


def demo_raters(demo: Demo) -> list[Rater]:
    """Return the first rater of each study, whose links are printed."""
    return [
        rater
        for study in (demo.pairwise, demo.mos)
        if (rater := study.raters.order_by("pk").first())
    ]


def follow_outputs(demo: Demo, *, poll_seconds: float = 1.0) -> Iterator[tuple[int, int]]:
    """Yield (finished, total) each time it changes, until no output is left to make."""
    outputs = Output.objects.filter(prompt__prompt_set=demo.prompt_set, job__isnull=False)
    total, seen = outputs.count(), -1
    while True:
        finished = total - outputs.unfinished().count()
        if finished != seen:
            yield finished, total
            seen = finished
        if finished == total:
            return
        time.sleep(poll_seconds)


def score_demo(demo: Demo) -> None:
    """Measure exact match on the prompts that have a reference, once per system."""
    for system in demo.pairwise.systems.all():
        if not system.benchmark_runs.exists():
            ranking.score_outputs(system=system, prompt_set=demo.prompt_set)
