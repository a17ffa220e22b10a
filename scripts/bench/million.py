"""Studies with a million judgments for the bench: random tasks to random raters."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from django.test import Client

    from annotation.models import Study

SYSTEMS, PROMPTS, RATERS, JUDGMENTS = 20, 500, 1000, 1_000_000
#: Of best-worst: systems on a screen, and screens of a prompt.
SIZE, GROUPS = 4, 20
_BATCH = 5000
_COLUMNS = "study_id, task_id, rater_id, created_at, seconds, left, verdict, score, answer"
_REST = "comment, is_repeat"

#: What one judgment says: left, verdict, score, answer.
Said = tuple[str, str, int | None, str]


def set_up(folder: str) -> None:
    """Make Django work in a database of its own in the folder."""
    os.environ |= {
        "EVALSITE_DATA": folder,
        "EVALSITE_HOSTS": "testserver",
        "DJANGO_SETTINGS_MODULE": "evalsite.settings",
    }
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def fill(protocol: str) -> tuple[Study, Client]:
    """Make a closed study of the protocol with its judgments, and a client of its owner."""
    from django.contrib.auth.models import User
    from django.test import Client

    from annotation.models import Rater, Study, StudySystem
    from generation.models import Output, Prompt, PromptSet, System

    owner = User.objects.get_or_create(username="alice")[0]
    prompt_set = PromptSet.objects.create(owner=owner, slug=f"for-{protocol}", name="Prompts")
    prompts = Prompt.objects.bulk_create(
        Prompt(prompt_set=prompt_set, position=i, key=f"p{i}", text=f"Prompt {i}")
        for i in range(PROMPTS)
    )
    systems = System.objects.bulk_create(
        System(owner=owner, slug=f"{protocol}-{i}", name=f"System {i}") for i in range(SYSTEMS)
    )
    Output.objects.bulk_create(
        (
            Output(system=system, prompt=prompt, state=Output.State.DONE, text="word " * 40)
            for prompt in prompts
            for system in systems
        ),
        batch_size=_BATCH,
    )
    study = Study.objects.create(
        owner=owner, slug=f"million-{protocol}", name="A million", title="Answers",
        question="Which?", prompt_set=prompt_set, protocol=protocol, state=Study.State.CLOSED,
    )  # fmt: skip
    StudySystem.objects.bulk_create(
        StudySystem(study=study, system=system, position=i) for i, system in enumerate(systems)
    )
    Rater.objects.bulk_create(Rater(study=study, name=f"rater {i}") for i in range(RATERS))
    (_fill_groups if protocol == "best_worst" else _fill_pairs)(study)
    _judge(study, _SAID[protocol])
    client = Client()
    client.force_login(owner)
    return study, client


def _fill_pairs(study: Study) -> None:
    from annotation.models import Task

    outputs, systems = _outputs(study)
    Task.objects.bulk_create(
        (
            Task(
                study=study, prompt_id=prompt, system_a_id=a, system_b_id=b,
                output_a_id=outputs[prompt, a], output_b_id=outputs[prompt, b],
            )
            for prompt in study.prompt_set.prompts.values_list("pk", flat=True)
            for a, b in combinations(systems, 2)
        ),
        batch_size=_BATCH,
    )  # fmt: skip


def _fill_groups(study: Study) -> None:
    from annotation.models import Task, TaskOutput

    rng = np.random.default_rng(1)
    outputs, systems = _outputs(study)
    groups = [
        (prompt, number, sorted(rng.choice(systems, SIZE, replace=False).tolist()))
        for prompt in study.prompt_set.prompts.values_list("pk", flat=True)
        for number in range(GROUPS)
    ]
    tasks = Task.objects.bulk_create(
        (
            Task(
                study=study, prompt_id=prompt, group=number, system_a_id=group[0],
                output_a_id=outputs[prompt, group[0]],
            )
            for prompt, number, group in groups
        ),
        batch_size=_BATCH,
    )  # fmt: skip
    TaskOutput.objects.bulk_create(
        (
            TaskOutput(task=task, place=place, system_id=system, output_id=outputs[prompt, system])
            for task, (prompt, _, group) in zip(tasks, groups, strict=True)
            for place, system in enumerate(group)
        ),
        batch_size=_BATCH,
    )


def _outputs(study: Study) -> tuple[dict[tuple[int, int], int], list[int]]:
    """Return the outputs' keys by prompt and system, and the systems' keys."""
    from generation.models import Output

    rows = Output.objects.filter(prompt__prompt_set=study.prompt_set_id)
    found = {(p, s): pk for p, s, pk in rows.values_list("prompt", "system", "pk")}
    return found, list(study.study_systems.order_by("position").values_list("system", flat=True))


def _judge(study: Study, say: Callable[[np.random.Generator, int], Said]) -> None:
    from django.db import connection, transaction

    marks = ", ".join(["%s"] * 9)
    columns = _COLUMNS.replace("left", '"left"')
    sql = f"INSERT INTO annotation_judgment ({columns}, {_REST}) VALUES ({marks}, '', FALSE)"  # noqa: S608
    with transaction.atomic(), connection.cursor() as cursor:
        rows = _rows(study, say)
        while batch := list(islice(rows, _BATCH)):
            cursor.executemany(sql, batch)
        cursor.execute("ANALYZE")


def _rows(study: Study, say: Callable[[np.random.Generator, int], Said]) -> Iterator[Any]:
    """Yield rows whose better system is, a little, the one that comes first in the study."""
    from django.utils.timezone import now

    rng, moment = np.random.default_rng(0), now().strftime("%Y-%m-%d %H:%M:%S")
    tasks = np.array(list(study.tasks.values_list("pk", "system_a", "system_b")), dtype=float)
    raters = np.array(study.raters.values_list("pk", flat=True))
    apart = np.nan_to_num(tasks[:, 2] - tasks[:, 1])
    for task, rater, seconds in zip(
        rng.integers(len(tasks), size=JUDGMENTS).tolist(),
        rng.choice(raters, JUDGMENTS).tolist(),
        rng.gamma(4, 5, JUDGMENTS).tolist(),
        strict=True,
    ):
        yield study.pk, int(tasks[task, 0]), rater, moment, seconds, *say(rng, int(apart[task]))


def _verdict(rng: np.random.Generator, apart: int) -> Said:
    left, a_wins = "ab"[int(rng.random() < 0.5)], rng.random() < 1 / (1 + np.exp(-0.05 * apart))
    return left, "tie" if rng.random() < 0.2 else "ba"[int(a_wins)], None, "{}"


def _score(rng: np.random.Generator, apart: int) -> Said:
    score = int(np.clip(round(rng.normal(0.05 * apart, 1.2)), -3, 3))
    return "ab"[int(rng.random() < 0.5)], "", score, "{}"


def _best_and_worst(rng: np.random.Generator, apart: int) -> Said:
    order = rng.permutation(SIZE).tolist()
    best, worst = np.argsort(np.arange(SIZE) + rng.gumbel(0, 2, SIZE))[[0, -1]].tolist()
    return "", "", None, f'{{"best": {best}, "worst": {worst}, "order": {order}}}'


_SAID: dict[str, Callable[[np.random.Generator, int], Said]] = {
    "pairwise": _verdict,
    "ccr": _score,
    "best_worst": _best_and_worst,
}
