"""Play a rater through real pages and look for anything that tells systems apart.

Everything happens in one transaction that is rolled back: an audit leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse

from annotation.exceptions import StudyNotOpen
from annotation.models import Assignment, Rater, Study
from annotation.self_naming import FAMILIES, SHORTEST_NAME, names_in, names_of, says
from evalsite.lib.db import write_transaction


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

    def findings(self) -> Iterator[Finding]:
        yield from self._get(reverse("annotation:rate-enter", args=[self.rater.invite_token]))
        for page in ("consent", "instructions", "pause"):
            path = reverse(f"annotation:rate-{page}", args=[self.study.public_id])
            yield from self._get(path)
            if page != "pause":
                self.client.post(path)
        path = reverse("annotation:rate-judge", args=[self.study.public_id])
        while True:
            yield from self._get(path)
            slot = self._slot()
            if slot is None:
                return
            yield from self._self_naming(slot)
            choice = "tie" if self.study.allow_tie else "left"
            answer = choice if self.study.protocol == Study.Protocol.PAIRWISE else "3"
            self.client.post(path, {"token": slot.token, "choice": answer})

    def _slot(self) -> Assignment | None:
        live = self.rater.assignments.filter(state=Assignment.State.CLAIMED)
        return live.select_related("task__output_a", "task__output_b", "task__prompt").first()

    def _get(self, path: str) -> Iterator[Finding]:
        response = self.client.get(path)
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
        slot = self._slot()
        if slot is not None:
            task = slot.task
            for part in (task.prompt, task.output_a, task.output_b):
                if part is not None and part.html:
                    text = text.replace(part.html, "")
            text = text.replace(str(slot.token), "")
        return text.replace(self.rater.invite_token, "")

    def _self_naming(self, slot: Assignment) -> Iterator[Finding]:
        for output in (slot.task.output_a, slot.task.output_b):
            if output is None:
                continue
            for word in names_in(output.text, self.secrets):
                where = f"{output.system.slug}, prompt {slot.task.prompt.key}"
                yield Finding(where=where, what=word, is_leak=False)


def _secrets(study: Study) -> list[str]:
    """Return what no rater may read: names, slugs, models, output hashes, the study's own name."""
    tasks = study.tasks.select_related("system_a", "system_b")
    of_gold = [s for t in tasks.filter(is_gold=True) for s in (t.system_a, t.system_b) if s]
    found: list[str] = [study.slug, *FAMILIES, *names_of([*study.systems.all(), *of_gold])]
    for task in tasks.order_by("-is_gold", "pk")[:1000]:
        found += [task.hash_a, task.hash_b]
    return sorted({secret for secret in found if len(secret) >= SHORTEST_NAME})


def _headers(response: HttpResponseBase) -> str:
    cookies = response.cookies.output() if hasattr(response, "cookies") else ""
    return "\n".join([f"{name}: {value}" for name, value in response.items()]) + cookies
