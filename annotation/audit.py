"""Play a rater through real pages and look for anything that tells systems apart.

Everything happens in one transaction that is rolled back: an audit leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from annotation.blinding import blind_task
from annotation.exceptions import StudyNotOpen
from annotation.models import Assignment, Rater, Side, Study
from annotation.redaction import left_over
from annotation.self_naming import FAMILIES, SHORTEST_NAME, names_in, names_of, says
from annotation.shown_orders import ShownOrders
from annotation.steps import CONSENT, DONE, INSTRUCTIONS, SURVEY, Step, current_step
from annotation.survey import questions_of
from evalsite.lib.db import write_transaction
from generation.models import Output


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One leak (which fails the audit), or an output that names itself (a warning)."""

    where: str
    what: str
    is_leak: bool


class _RolledBack(Exception):
    pass


def audit_blinding(study: Study, *, tasks: int | None = None) -> list[Finding]:
    """Crawl as a fresh rater, at most `tasks` tasks; return what was found."""
    if study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise StudyNotOpen("Only an open study can be crawled.")
    findings: list[Finding] = []
    try:
        with write_transaction():
            findings += _Crawl(study, tasks).findings()
            raise _RolledBack
    except _RolledBack:
        pass
    return findings


class _Crawl:
    """One rater's way through a study, every answer inspected."""

    def __init__(self, study: Study, tasks: int | None) -> None:
        Study.objects.filter(pk=study.pk).update(
            state=Study.State.OPEN, tasks_per_rater=tasks or study.tasks_per_rater
        )
        self.study = study
        self.secrets = _secrets(study)
        host = next((h for h in settings.ALLOWED_HOSTS if h != "*"), "localhost").lstrip(".")
        self.client = Client(SERVER_NAME=host, raise_request_exception=True)
        self.rater = Rater.objects.create(study=study, name="Blinding audit")
        #: Shown once more where a training answer is talked about.
        self.answered: Assignment | None = None
        self.orders = ShownOrders()

    def findings(self) -> Iterator[Finding]:
        yield from self._way()
        for rule in self.orders.rules():
            yield Finding(where="order of the tasks", what=rule, is_leak=True)

    def _way(self) -> Iterator[Finding]:
        """Go from step to step as a rater who answers what is expected, and look at each page."""
        yield from self._get(reverse("annotation:rate-enter", args=[self.rater.invite_token]))
        yield from self._get(self._path("pause"))
        while True:
            step = self._step()
            path = self._path(step.name)
            yield from self._get(path)
            if step is DONE:
                return
            slot = self._slot()
            if slot is not None:
                yield from self._self_naming(slot)
                self.orders.note(_systems_shown(slot))
                self.answered = slot
                yield from self._post(path, {"token": slot.token, **_answer(slot)})
            elif step in (CONSENT, INSTRUCTIONS):
                yield from self._post(path, {})
            elif step is SURVEY:
                yield from self._post(path, _survey_answers(self.study))
            elif self._step() is step:
                return  # nothing to judge is left

    def _step(self) -> Step:
        return current_step(Rater.objects.select_related("study__stored_way").get(pk=self.rater.pk))

    def _path(self, page: str) -> str:
        return reverse(f"annotation:rate-{page}", args=[self.study.public_id])

    def _slot(self) -> Assignment | None:
        live = self.rater.assignments.filter(state=Assignment.State.CLAIMED)
        return live.select_related("study", "task__prompt", "task__gold").first()

    def _get(self, path: str) -> Iterator[Finding]:
        return self._looked_at(path, self.client.get(path))

    def _post(self, path: str, answer: dict[str, Any]) -> Iterator[Finding]:
        return self._looked_at(path, self.client.post(path, answer, headers={"HX-Request": "true"}))

    def _looked_at(self, path: str, response: HttpResponseBase) -> Iterator[Finding]:
        text = response.content.decode() if hasattr(response, "content") else ""
        for place, words in (
            ("page", self._without_outputs(text)),
            ("headers", _headers(response)),
            ("address", path),
        ):
            for secret in self.secrets:
                if says(words, secret):
                    yield Finding(where=f"{place} of {path}", what=secret, is_leak=True)

    def _without_outputs(self, text: str) -> str:
        """Leave out what the prompt and the outputs say themselves, and the rater's own token."""
        for slot in (self._slot(), self.answered):
            if slot is None:
                continue
            task = blind_task(slot)
            outputs = [output.html for output in task.outputs]
            for html in (task.prompt, task.reference, *outputs):
                if html:
                    text = text.replace(html, "")
            text = text.replace(str(slot.token), "")
        return text.replace(self.rater.invite_token, "")

    def _self_naming(self, slot: Assignment) -> Iterator[Finding]:
        for output in slot.task.all_outputs():
            for word in left_over(names_in(output.text, self.secrets), self.study.redact):
                where = f"{output.system.slug}, prompt {slot.task.prompt.key}"
                yield Finding(where=where, what=word, is_leak=False)


def _answer(slot: Assignment) -> dict[str, str]:
    """Return an answer; the right one where it is known, to get through a qualification."""
    expected = slot.task.gold.expected[0] if slot.task.is_gold else ""
    if expected in Side.values:
        expected = "left" if expected == slot.left else "right"
    return {**_any_answer(slot), "choice": expected} if expected else _any_answer(slot)


def _any_answer(slot: Assignment) -> dict[str, str]:
    """Return some answer to everything that is asked: the i-th choice of part i."""
    task = blind_task(slot)
    sliders = [output.part for output in task.outputs if output.part]
    return {
        "comment": "The audit was here.",
        **{part.name: "50" for part in sliders},
        **{
            part.name: part.choices[number % len(part.choices)].value
            for number, part in enumerate(task.parts)
        },
    }


def _systems_shown(slot: Assignment) -> list[str]:
    """Return the systems of a task in the order shown, the hidden reference included."""
    task = slot.task
    if slot.order:
        places = {place.place: place for place in task.outputs.select_related("system")}
        shown = [places[number] for number in slot.order]
        return [place.system.slug if place.system else place.role for place in shown]
    outputs = task.all_outputs()
    if slot.left == Side.B:
        outputs.reverse()
    return [output.system.slug for output in outputs]


def _survey_answers(study: Study) -> dict[str, str]:
    questions = questions_of(study)
    return {q.key: q.options[0][0] if q.options else "Nothing to add." for q in questions}


def _secrets(study: Study) -> list[str]:
    """Return what no rater may read: names, slugs, models, output hashes, the study's own name."""
    golds = study.tasks.filter(is_gold=True).select_related("system_a", "system_b")
    of_gold = [s for task in golds for s in (task.system_a, task.system_b) if s]
    found: list[str] = [study.slug, *FAMILIES, *names_of([*study.systems.all(), *of_gold])]
    for task in golds[:1000]:
        found += [task.hash_a, task.hash_b]
    # Of outputs, not of tasks: most of a large design's tasks are not made yet.
    outputs = Output.objects.done().filter(
        system__in=study.systems.all(),
        prompt__prompt_set=study.prompt_set,
        sample=study.sample,
    )
    found += outputs.order_by("queue_position", "pk").values_list("text_hash", flat=True)[:2000]
    return sorted({secret for secret in found if len(secret) >= SHORTEST_NAME})


def _headers(response: HttpResponseBase) -> str:
    cookies = response.cookies.output() if hasattr(response, "cookies") else ""
    return "\n".join([f"{name}: {value}" for name, value in response.items()]) + cookies
