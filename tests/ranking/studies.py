"""Studies of every protocol, judged by simulated raters; the last system is the best."""

from __future__ import annotations

import random
from typing import Any

from annotation.models import Judgment, Rater, Study, Task, TaskOutput
from tests.factories import make_rater
from tests.protocols.rating import launched

CRITERIA = [
    {"key": "clear", "label": "How clear is it?", "words": ["Not", "A little", "Very"]},
    {"key": "correct", "label": "It is correct."},
]
KINDS: dict[str, dict[str, Any]] = {
    "ccr": {"options": {"null_share": 0.5}},
    "likert": {"options": {"criteria": CRITERIA}},
    "best_worst": {"systems": 4},
    "mushra": {},
    "criteria": {"options": {"criteria": [{"key": "clear", "label": "Which is clearer?"}]}},
    "strength": {"options": {"strength": True}},
}


def judged_study(
    kind: str, *, raters: int = 6, spread: float = 0.6, seed: int = 1, **kwargs: Any
) -> Study:
    """Return a launched study in which each rater judged every task, by a latent quality.

    Systems are `spread` apart, raters differ in taste, and what comes second gets a little more.
    """
    study = launched(kind, **{"systems": 3, "prompts": 6, **KINDS.get(kind, {}), **kwargs})
    rng = random.Random(seed)
    simulated = Simulated(study, spread, rng)
    for number in range(raters):
        rater = make_rater(study, f"rater {number}")
        Judgment.objects.bulk_create(simulated.judgments(rater))
    return study


class Simulated:
    """Answers to a study's tasks by what its raters like."""

    def __init__(self, study: Study, spread: float, rng: random.Random) -> None:
        self.study, self.rng = study, rng
        systems = study.systems.order_by("study_systems__position")
        self.quality = {s.pk: spread * i for i, s in enumerate(systems)}
        self.answer = getattr(self, f"_{study.protocol}")

    def judgments(self, rater: Rater) -> list[Judgment]:
        taste = {pk: self.rng.gauss(0, 0.3) for pk in self.quality}
        found = []
        for task in self.study.tasks.order_by("pk"):
            self.worth = {pk: self.quality[pk] + taste[pk] for pk in self.quality}
            said = self.answer(task)
            found.append(Judgment(study=self.study, task=task, rater=rater, **said))
        return found

    def _felt(self, system: int) -> float:
        return self.worth[system] + self.rng.gauss(0, 0.7)

    def _lead(self, task: Task) -> tuple[str, float]:
        """Return what stood left, and by how much a seems better than b."""
        left = self.rng.choice("ab")
        assert task.system_b_id is not None
        lead = self._felt(task.system_a_id) - self._felt(task.system_b_id)
        return left, lead + (0.2 if left == "b" else -0.2)

    def _verdict(self, task: Task, **more: Any) -> dict[str, Any]:
        left, lead = self._lead(task)
        verdict = "tie" if abs(lead) < 0.3 else "a" if lead > 0 else "b"
        return {"left": left, "verdict": verdict, "answer": more}

    def _pairwise(self, task: Task) -> dict[str, Any]:
        options = self.study.options
        if options.get("strength"):
            left, lead = self._lead(task)
            step = min(4, round(abs(lead) * 1.5))
            verdict = "tie" if step == 0 else "a" if lead > 0 else "b"
            answer = {"strength": step} if step else {}
            return {"left": left, "verdict": verdict, "answer": answer}
        by = {c["key"]: self._verdict(task)["verdict"] for c in options.get("criteria", [])}
        return self._verdict(task, **({"criteria": by} if by else {}))

    def _ccr(self, task: Task) -> dict[str, Any]:
        left, lead = self._lead(task)
        return {"left": left, "score": max(-3, min(3, round(lead)))}

    def _likert(self, task: Task) -> dict[str, Any]:
        felt = self._felt(task.system_a_id)
        clear = max(1, min(3, round(1.5 + 0.6 * felt)))
        correct = max(1, min(5, round(2.5 + felt)))
        return {"answer": {"scores": {"clear": clear, "correct": correct}}}

    def _mos(self, task: Task) -> dict[str, Any]:
        return {"score": max(1, min(5, round(2.5 + self._felt(task.system_a_id))))}

    _dcr = _mos

    def _places(self, task: Task) -> list[float]:
        places = TaskOutput.objects.filter(task=task).order_by("place")
        return [2.5 if place.system_id is None else self._felt(place.system_id) for place in places]

    def _mushra(self, task: Task) -> dict[str, Any]:
        felt = self._places(task)
        scores = [max(0, min(100, round(40 + 22 * value))) for value in felt]
        return {"answer": {"scores": scores, "order": list(range(len(scores)))}}

    def _best_worst(self, task: Task) -> dict[str, Any]:
        felt = self._places(task)
        best, worst = felt.index(max(felt)), felt.index(min(felt))
        order = list(range(len(felt)))
        return {"answer": {"best": best, "worst": worst, "order": order}}
