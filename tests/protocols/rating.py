"""Studies of every protocol, and a rater in them over HTTP."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from annotation.assignments import Reply, next_turn, submit_judgment
from annotation.blinding import BlindPart, BlindTask, blind_task
from annotation.launch import launch_study
from annotation.models import Assignment, Rater, Study
from generation.models import Prompt
from tests.factories import make_rater, make_study

CLARITY = {"key": "clear", "label": "How clear is it?", "words": ["Not", "A little", "Very"]}
#: One study of each kind: the protocol, its options, how many systems.
KINDS: dict[str, dict[str, Any]] = {
    "pairwise": {"protocol": "pairwise"},
    "strength": {"protocol": "pairwise", "options": {"strength": True}},
    "criteria": {
        "protocol": "pairwise",
        "options": {"criteria": [{"key": "clear", "label": "Which is clearer?"}]},
    },
    "reason": {"protocol": "pairwise", "options": {"reason": "required"}},
    "mos": {"protocol": "mos"},
    "dcr": {"protocol": "dcr"},
    "ccr": {"protocol": "ccr", "options": {"null_share": 0.5}},
    "likert": {"protocol": "likert", "options": {"criteria": [CLARITY, "It is correct."]}},
    "best_worst": {"protocol": "best_worst", "systems": 4},
    "mushra": {"protocol": "mushra", "systems": 3},
    "no_reference": {"protocol": "mushra", "systems": 3, "options": {"reference": False}},
}


def launched(kind: str, **kwargs: Any) -> Study:
    study = make_study(**{"judgments_per_task": 2, **KINDS[kind], **kwargs})
    for prompt in study.prompt_set.prompts.all():
        Prompt.objects.filter(pk=prompt.pk).update(reference=f"The reference of {prompt.key}.")
    return launch_study(study)


def enter(rater: Rater) -> Client:
    client = Client()
    client.get(f"/r/{rater.invite_token}/")
    client.post(f"/rate/{rater.study.public_id}/instructions/")
    return client


class Rating:
    """One rater with a task on the screen."""

    def __init__(self, study: Study, name: str = "bob") -> None:
        self.study, self.rater = study, make_rater(study, name)
        self.client = enter(self.rater)
        self.url = f"/rate/{study.public_id}/judge/"
        self.page = self.client.get(self.url)

    @property
    def text(self) -> str:
        return self.page.content.decode()

    @property
    def slot(self) -> Assignment:
        held = self.rater.assignments.exclude(state="skipped")
        found = held.filter(reopened_at__isnull=False).first() or held.get(state="claimed")
        return Assignment.objects.select_related("study", "task__prompt").get(pk=found.pk)

    @property
    def task(self) -> BlindTask:
        return blind_task(self.slot)

    @property
    def parts(self) -> list[BlindPart]:
        task = self.task
        return [*(o.part for o in task.outputs if o.part), *task.parts]

    def send(self, token: str = "", **fields: Any) -> Rating:
        token = token or self.token()
        self.page = self.client.post(self.url, {"token": token, **fields}, follow=True)
        return self

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.text)
        assert found
        return found[1]

    def undo(self) -> Rating:
        url = f"/rate/{self.study.public_id}/undo/"
        self.page = self.client.post(url, follow=True)
        return self


def judge_once(rater: Rater, shift: int = 0) -> bool:
    """Answer the task on the rater's screen, without a browser; False: there is none."""
    turn = next_turn(Rater.objects.select_related("study__stored_way").get(pk=rater.pk))
    if turn.assignment_pk is None:
        return False
    slot = Assignment.objects.select_related("study", "task__prompt").get(pk=turn.assignment_pk)
    submit_judgment(rater, token=slot.token, **reply_to(slot, shift))
    return True


def reply_to(slot: Assignment, shift: int = 0) -> Reply:
    """Return a full answer to a task, as the form would send it."""
    task = blind_task(slot)
    fields = some_answer([*(o.part for o in task.outputs if o.part), *task.parts], shift)
    return Reply(choice=fields.get("choice", ""), parts=fields, comment=fields["comment"])


def some_answer(parts: list[BlindPart], shift: int = 0) -> dict[str, str]:
    """Return a full answer; another shift is another answer, best and worst stay different."""
    fields = {"comment": f"Because of {shift}."}
    for number, part in enumerate(parts):
        if part.choices:
            fields[part.name] = part.choices[(number + shift) % len(part.choices)].value
        else:
            fields[part.name] = str((37 * (number + 1) + 11 * shift) % 101)
    return fields
