"""Play a rater through real pages and look for anything that tells systems apart.

Everything happens in one transaction that is rolled back: an audit leaves no trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.urls import reverse

from annotation.audio_gate.attempts import latest_attempt
from annotation.audit_media import MediaAudit, repeated_files
from annotation.blinding import blind_task, outputs_on_screen
from annotation.exceptions import StudyNotOpen
from annotation.findings import Finding
from annotation.models import Assignment, Rater, Side, Study
from annotation.redaction import left_over
from annotation.self_naming import FAMILIES, SHORTEST_NAME, names_in, names_of, says
from annotation.shown_ids import ShownIds
from annotation.shown_orders import ShownOrders
from annotation.steps import AUDIO, CONSENT, DONE, INSTRUCTIONS, SURVEY, Step, current_step
from annotation.survey import questions_of
from evalsite.lib.db import throwaway
from generation.models import Output, ServedCopy

#: What a response is of whose words are looked at; files are looked at as what they are.
_READ = ("text/", "application/json")


def audit_blinding(study: Study, *, tasks: int | None = None) -> list[Finding]:
    """Crawl as a fresh rater, at most `tasks` tasks; return what was found."""
    if study.state not in (Study.State.OPEN, Study.State.PAUSED):
        raise StudyNotOpen("Only an open study can be crawled.")
    with throwaway():
        return list(_Crawl(study, tasks).findings())


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
        names = _file_names(study)
        # Without its ending a name may be a word that pages say for reasons of their own.
        stems = {PurePosixPath(name).stem for name in names}
        self.media = MediaAudit(
            secrets=[*self.secrets, *(stem for stem in stems if len(stem) >= SHORTEST_NAME)]
        )
        self.secrets += names
        #: Shown once more where a training answer is talked about.
        self.answered: Assignment | None = None
        self.orders = ShownOrders()
        self.ids = ShownIds()

    def findings(self) -> Iterator[Finding]:
        yield from self._way()
        for rule in self.orders.rules():
            yield Finding(where="order of the tasks", what=rule, is_leak=True)
        for rule in self.ids.rules():
            yield Finding(where="markup of the tasks", what=rule, is_leak=True)
        yield from self.media.differences()

    def _way(self) -> Iterator[Finding]:
        """Go from step to step as a rater who answers what is expected, and look at each page."""
        yield from self._get(reverse("annotation:rate-enter", args=[self.rater.invite_token]))
        yield from self._get(self._path("pause"))
        while True:
            step = self._step()
            path = self._path(step.name)
            page = self.client.get(path)
            yield from self._looked_at(path, page)
            if step is DONE:
                return
            slot = self._slot()
            if slot is not None:
                yield from self._task(path, slot, page.content.decode())
            elif step in (CONSENT, INSTRUCTIONS):
                yield from self._post(path, {})
            elif step is AUDIO:
                yield from self._audio_gate(path)
            elif step is SURVEY:
                yield from self._post(path, _survey_answers(self.study))
            elif self._step() is step:
                return  # nothing to judge is left

    def _task(self, path: str, slot: Assignment, page: str) -> Iterator[Finding]:
        """Look at all that comes with a task, and answer it."""
        yield from self._self_naming(slot)
        yield from self._files(slot)
        yield from self._get(self._path("ahead"))
        self._note(slot, page)
        self.answered = slot
        yield from self._post(path, {"token": slot.token, **_answer(slot)})

    def _note(self, slot: Assignment, page: str) -> None:
        """Collect what only many pages together can tell."""
        shown = _shown(slot)
        self.orders.note([system for _, system in shown])
        outputs = [output for output, _ in shown if output is not None]
        self.ids.note(
            self._without_outputs(page),
            outputs=[output.pk for output in outputs],
            systems=[output.system_id for output in outputs],
        )

    def _audio_gate(self, path: str) -> Iterator[Finding]:
        """Set the volume, or answer the open part rightly once its sounds were looked at."""
        check = latest_attempt(self.rater)
        current = check.current if check else None
        if current is None:
            yield from self._get(self._path("volume"))
            yield from self._post(path, {})
            return
        yield from self._sounds(current["sounds"])
        right = {f"sound_{i}": str(place) for i, place in enumerate(current["right"], start=1)}
        yield from self._post(path, {"form": current["form"], **right})

    def _sounds(self, sounds: list[str]) -> Iterator[Finding]:
        """Fetch the sounds of one part; nothing but the bytes may differ."""
        told = set()
        for sound in sounds:
            path = reverse("annotation:rate-sound", args=[self.study.public_id, sound])
            response = self.client.get(path)
            yield from self._looked_at(path, response)
            response.headers.pop("Expires", None)  # says the time, which goes on
            told.add(_headers(response))
        if len(told) > 1:
            yield Finding(where="audio gate", what="headers of sounds differ", is_leak=True)

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
        text = ""
        if isinstance(response, HttpResponse) and response["Content-Type"].startswith(_READ):
            text = response.content.decode()
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

    def _files(self, slot: Assignment) -> Iterator[Finding]:
        """Fetch all that the task shows besides text, as its page would."""
        systems = [output.system.slug if output else "" for output in outputs_on_screen(slot)]
        by_place = {str(place): system for place, system in enumerate(systems)}
        hashes: dict[str, str] = {}
        for media in blind_task(slot).media:
            response = self.client.get(media.url)
            yield from self._looked_at(media.url, response)
            content = b"".join(response) if response.status_code == 200 else b""
            yield from self.media.look_at(
                media.url, content, dict(response.items()), system=by_place.get(media.place, "")
            )
            if content:
                hashes[media.place] = hashlib.sha256(content).hexdigest()
        yield from repeated_files(f"files of prompt {slot.task.prompt.key}", hashes)

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
        "plays": json.dumps({media.place: [1, 1, 1.0] for media in task.played}),
        **{
            part.name: part.choices[number % len(part.choices)].value
            for number, part in enumerate(task.parts)
        },
    }


def _shown(slot: Assignment) -> list[tuple[Output | None, str]]:
    """Return the outputs of a task in the order shown, each with its system's slug.

    What hides among them has its role, and no output.
    """
    task = slot.task
    if slot.order:
        places = {place.place: place for place in task.outputs.select_related("system", "output")}
        shown = [places[number] for number in slot.order]
        return [(p.output, p.system.slug if p.system else p.role) for p in shown]
    outputs = task.all_outputs()
    if slot.left == Side.B:
        outputs.reverse()
    return [(output, output.system.slug) for output in outputs]


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
    outputs = study.outputs.done()
    found += outputs.order_by("queue_position", "pk").values_list("text_hash", flat=True)[:2000]
    copies = ServedCopy.objects.filter(source__in=outputs.values("media"))
    found += copies.values_list("media__sha256", flat=True)[:2000]
    return sorted({secret for secret in found if len(secret) >= SHORTEST_NAME})


def _file_names(study: Study) -> list[str]:
    """Return the names that imported files had."""
    outputs = study.outputs.filter(media__isnull=False).order_by("pk")
    records = outputs.values_list("provenance", flat=True)[:1000]
    return sorted({PurePosixPath(record["media"]).name for record in records if "media" in record})


def _headers(response: HttpResponseBase) -> str:
    cookies = response.cookies.output() if hasattr(response, "cookies") else ""
    return "\n".join([f"{name}: {value}" for name, value in response.items()]) + cookies
