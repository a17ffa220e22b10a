"""Tasks with a known answer: handed out like any other, outside the target, and marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.crypto import salted_hmac

from annotation.mixing import Mix, draw
from annotation.models import Assignment, Gold, Judgment, Rater, Side
from annotation.protocols import protocol_of
from annotation.repeats import GAP, repeats_mix

_TOKEN_SALT = "annotation.gold"  # noqa: S105 - a salt is no secret


def mix_of(rater: Rater) -> Mix:
    """Return where the checks of this rater stand."""
    study = rater.study
    return Mix(every=study.way.check_every, seed=study.seed, rater=rater.public_id)


def quota_shown(rater: Rater) -> int:
    """Return how many tasks the rater is told: all count, or the bar would give some away."""
    checks = min(mix_of(rater).checks_among(rater.promised), rater.study.way.check_count)
    first_answers = rater.promised + checks
    # After the last target comes no repeat.
    due = repeats_mix(rater).passed(first_answers - 1)
    return first_answers + min(due, max(rater.promised - 1 - GAP, 0))


def claim_check(rater: Rater, *, answered: int) -> int | None:
    """Claim a check that the rater has not met; return its assignment's key, None without one."""
    met = Assignment.objects.filter(rater=rater, task=OuterRef("task"))
    unmet = rater.study.golds.in_use().checks().filter(~Exists(met)).order_by("pk")
    tasks = list(unmet.values_list("task", flat=True))
    if not tasks:
        return None
    study = rater.study
    chosen = draw(study.seed, rater.public_id, "which", answered, below=len(tasks))
    return claim_gold(rater, tasks[chosen], Assignment.Purpose.CHECK)


def claim_gold(rater: Rater, task: int, purpose: Assignment.Purpose) -> int:
    """Put a task with a known answer on the rater's screen, in a slot made for them alone."""
    slot = gold_slot(rater, task)
    return Assignment.objects.claim_aside(
        rater, task, purpose, left=Side(slot.left), token=slot.token
    )


def gold_slot(rater: Rater, task: int) -> Assignment:
    """Return the slot that the rater would get for the task, not stored: side and token are fixed.

    The token is from the server's secret, so that only the server can tell it beforehand.
    """
    study = rater.study
    has_sides = protocol_of(study).has_sides
    is_turned = has_sides and draw(study.seed, rater.public_id, "side", task, below=2)
    secret = salted_hmac(_TOKEN_SALT, f"{rater.public_id}:{task}", algorithm="sha256").digest()
    return Assignment(
        study=study,
        task_id=task,
        rater=rater,
        left=Side.B if is_turned else Side.A,
        token=UUID(bytes=secret[:16], version=4),
    )


def is_right(expected: Iterable[str], judgment: Judgment) -> bool:
    """Compare an answer with what was expected, in task terms (a, b) or screen terms (left)."""
    if judgment.score is not None:
        given = {str(judgment.score)}
    elif judgment.verdict in Side.values:
        side = "left" if judgment.verdict == judgment.left else "right"
        given = {judgment.verdict, side}
    else:
        given = {judgment.verdict}
    return not given.isdisjoint(expected)


@dataclass(frozen=True, kw_only=True)
class Marks:
    """How one rater did on the checks that were mixed in."""

    right: int = 0
    asked: int = 0
    attention_missed: int = 0

    @property
    def accuracy(self) -> float | None:
        """The share that was right; None before the first."""
        return self.right / self.asked if self.asked else None


def marks_of(raters: Iterable[Rater]) -> dict[int, Marks]:
    """Return the marks of each rater, by key; corrected answers count as corrected."""
    rows = (
        Judgment.objects.current()
        .filter(rater__in=list(raters), assignment__purpose=Assignment.Purpose.CHECK)
        .select_related("task__gold")
    )
    right: Counter[int] = Counter()
    asked: Counter[int] = Counter()
    missed: Counter[int] = Counter()
    for judgment in rows:
        gold, rater = judgment.task.gold, judgment.rater_id
        is_good = is_right(gold.expected, judgment)
        asked[rater] += 1
        right[rater] += is_good
        missed[rater] += gold.kind == Gold.Kind.ATTENTION and not is_good
    return {
        rater: Marks(right=right[rater], asked=asked[rater], attention_missed=missed[rater])
        for rater in asked
    }
