"""A rater's walk: what they have seen, and the open slots on their way round the ring.

Every answer asks the two statements below. They are written out because putting them together
anew cost more than all that the database does for them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db import connection
from django.utils.timezone import now

from annotation.design import Candidate, Pair, Seen
from annotation.models import Assignment, Rater, Side, Study, Task
from annotation.stretches import make_next_stretch

#: So many open slots are looked at to suit a rater: see tests/annotation/test_forty_raters.py.
WINDOW = 16
#: The rater's place is written down when it has moved so far: to pass a few slots again is cheap.
_STRIDE = 4 * WINDOW


@dataclass(frozen=True, kw_only=True)
class OpenSlot:
    pk: int
    position: int
    candidate: Candidate


@dataclass(frozen=True, kw_only=True)
class Met:
    """What a rater has judged: targets, and what is about the rater alone."""

    seen: Seen
    targets: int
    checks: int
    repeats: int

    @property
    def first_answers(self) -> int:
        """Return by what the places of checks and repeats are counted."""
        return self.targets + self.checks

    @property
    def judged(self) -> int:
        return self.first_answers + self.repeats


def met_by(rater: Rater, after: Task | None) -> Met:
    """Return what the rater has judged, by pair and side and by category, and how much.

    `after` is the task that the rater has judged or skipped last, where there is one.
    """
    lead: Counter[Pair] = Counter()
    categories: Counter[str] = Counter()
    checks = repeats = 0
    with connection.cursor() as cursor:
        cursor.execute(_MET, [rater.pk])
        for purpose, a, b, left, category, count in cursor.fetchall():
            if purpose != Assignment.Purpose.TARGET:
                checks += count if purpose == Assignment.Purpose.CHECK else 0
                repeats += count if purpose == Assignment.Purpose.REPEAT else 0
                continue
            lead[a, b] += count if left == Side.A else -count
            categories[category] += count
    seen = Seen(
        lead=lead,
        categories=categories,
        # Of single outputs a next one that is never of the last system would tell which it is not.
        last_pair=(after.system_a_id, after.system_b_id) if after and after.system_b_id else None,
        last_prompt=after.prompt_id if after else None,
    )
    return Met(seen=seen, targets=sum(categories.values()), checks=checks, repeats=repeats)


_MET = """
SELECT s.purpose, t.system_a_id, t.system_b_id, s."left", p.category, count(*)
FROM annotation_assignment s
JOIN annotation_task t ON t.id = s.task_id
JOIN generation_prompt p ON p.id = t.prompt_id
WHERE s.rater_id = %s AND s.state = 'judged' AND s.purpose IN ('target', 'check', 'repeat')
GROUP BY s.purpose, t.system_a_id, t.system_b_id, s."left", p.category
"""


def last_task_of(rater: Rater) -> Task | None:
    """Return the task that the rater has judged or skipped last."""
    own = rater.assignments.of_judging().exclude(claimed_at=None)
    last = own.order_by("-claimed_at", "-pk").select_related("task").first()
    return last.task if last else None


def open_slots_for(rater: Rater) -> list[OpenSlot]:
    """Return the next open slots on the rater's way, without tasks that they have met.

    Where few are left, what others have left lying is taken back, and the design's next tasks
    are made.
    """
    slots = window(rater)
    if len(slots) < WINDOW and take_back_expired(rater.study):
        slots = window(rater)
    while len(slots) < WINDOW and make_next_stretch(rater.study):
        slots = window(rater)
    return slots


def take_back_expired(study: Study) -> int:
    """Open the slots of raters who went away. The same raters may be given them again."""
    expired = study.assignments.filter(state=Assignment.State.CLAIMED, lease_until__lte=now())
    # Nobody waits for another here: who does so while making tasks could wait for ever.
    free = expired.select_for_update(no_key=True, skip_locked=True).values_list("pk", flat=True)
    return expired.filter(pk__in=list(free)).give_back()


def walk_to(rater: Rater, position: int) -> None:
    """Remember about where the first slot is that is still open to the rater."""
    if not 0 <= position - rater.cursor < _STRIDE:
        rater.cursor = position
        Rater.objects.filter(pk=rater.pk).update(cursor=position)


def window(rater: Rater) -> list[OpenSlot]:
    """Return up to `WINDOW` slots from the rater's place on, and round the ring to it."""
    half = (rater.study_id, rater.cursor, rater.pk)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [*half, *half])
        rows = cursor.fetchall()
    return [
        OpenSlot(
            pk=pk,
            position=position,
            candidate=Candidate(
                pair=(a, b), prompt=prompt, a_left=left == Side.A, category=category
            ),
        )
        for pk, position, left, a, b, prompt, category in rows
    ]


#: Only targets are ever open: a slot outside the target is made for its rater, and stays theirs.
_HALF = """
SELECT * FROM (
    SELECT s.id, s.position, s."left", t.system_a_id, t.system_b_id, t.prompt_id, p.category
    FROM annotation_assignment s
    JOIN annotation_task t ON t.id = s.task_id
    JOIN generation_prompt p ON p.id = t.prompt_id
    WHERE s.study_id = %s AND s.state = 'open' AND s.position {side} %s
    AND NOT EXISTS (
        SELECT 1 FROM annotation_assignment m
        WHERE m.task_id = s.task_id AND m.rater_id = %s AND NOT (m.purpose = 'repeat')
    )
    ORDER BY s.position LIMIT {window}
) AS half
"""
#: The second half is not looked at where the first is enough. The limit is no value to be filled
#: in: a plan that is made once has to know it.
_OPEN = " UNION ALL ".join(_HALF.format(side=side, window=WINDOW) for side in (">=", "<"))
_OPEN += f" LIMIT {WINDOW}"
