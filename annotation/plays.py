"""What a rater played before answering: read from the form, kept with the judgment, asked for.

The page counts, so the counts are a claim: they are bounded and shown, and a study that demands
that all was played refuses an answer whose own counts say otherwise. Stored is, by place in the
task (0 is a, 1 is b; or prompt, reference), how often it was started, how often it was heard to
its end, and how many seconds of it were heard.
"""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext

from annotation.exceptions import AnswerIncomplete
from annotation.models import Assignment
from annotation.on_screen import assignment_for_screen
from annotation.protocols import Protocol, Shown
from evalsite.lib.tabular import Row
from generation.models import Media

PROMPT, REFERENCE = "prompt", "reference"
#: Longest text that is read at all; most starts and ends, and seconds, of one file.
LONGEST = 4_000
MOST_TIMES = 1_000
#: Seconds of a sound of MUSHRA before it may be rated at all.
LEAST_HEARD = 0.5
MOST_SECONDS = 24 * 3600.0

#: In the order of forms and files; a database may keep another.
_COUNTS = ("starts", "ends", "seconds")

Plays = dict[str, dict[str, float]]


def read_plays(posted: str, protocol: Protocol, shown: Shown) -> Plays | None:
    """Return what the form says was played, in task terms; None where it says nothing usable.

    It comes as JSON: {place on the screen: [starts, ends, seconds]}.
    """
    places = _places(protocol, shown)
    said = _parsed(posted, keys=places)
    return said and {places[key]: value for key, value in said.items()}


def plays_in(row: Row) -> Plays | None:
    """Return the column `plays` of a file, places by the row's order of systems."""
    value = row.values.get("plays")
    if value in (None, ""):
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    keys = {**{str(i): "" for i in range(12)}, PROMPT: "", REFERENCE: ""}
    found = _parsed(text, keys=keys)
    if found is None:
        expected = '{"0": [starts, ends, seconds], ...}'
        raise row.refuse("plays are no counts", expected=expected)
    return found


def plays_column(plays: Plays | None) -> str:
    """Return what a file holds; `plays_in` reads it back."""
    if not plays:
        return ""
    return json.dumps({key: [counts[name] for name in _COUNTS] for key, counts in plays.items()})


def renumbered_plays(plays: Plays | None, places: list[int]) -> Plays | None:
    """Return the counts for a task in which the i-th system of the row is at `places[i]`."""
    if plays is None:
        return None
    moved = {str(i): str(place) for i, place in enumerate(places)}
    return {moved.get(key, key): value for key, value in plays.items()}


def require_all_played(slot: Assignment, protocol: Protocol, plays: Plays | None) -> None:
    """Raise `AnswerIncomplete` unless every sound and video of the task was heard to its end."""
    heard = {place for place, counts in (plays or {}).items() if counts["ends"] >= 1}
    if _to_play(slot, protocol) - heard:
        raise AnswerIncomplete(
            gettext(
                "Please play everything to its end first; your answer is taken then. The page "
                "needs JavaScript to notice what was played."
            )
        )


def require_each_heard(slot: Assignment, plays: Plays | None) -> None:
    """Raise `AnswerIncomplete` unless of every rated sound something was heard.

    Where an answer is corrected, what was heard for it counts too.
    """
    earlier = slot.judgments.current().first() if slot.reopened_at else None
    heard = {
        place
        for known in (plays, earlier and earlier.plays)
        for place, counts in (known or {}).items()
        if counts["seconds"] >= LEAST_HEARD
    }
    if {str(place) for place in slot.order} - heard:
        raise AnswerIncomplete(gettext("Play every sound first: one was not heard yet."))


def _places(protocol: Protocol, shown: Shown) -> dict[str, str]:
    """Return the places in the task by the places on the screen."""
    order = shown.order or ((1, 0) if protocol.has_sides and shown.left == "b" else (0, 1))
    numbers = {str(i): str(place) for i, place in enumerate(order)}
    return {**numbers, PROMPT: PROMPT, REFERENCE: REFERENCE}


def _parsed(text: str, *, keys: dict[str, str]) -> Plays | None:
    try:
        said = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not said or not said.keys() <= keys.keys():
        return None
    counts = {key: _counts(value) for key, value in said.items()}
    return {key: value for key, value in counts.items() if value} if all(counts.values()) else None


def _counts(value: Any) -> dict[str, float] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    starts, ends, seconds = value
    if not all(type(n) is int and 0 <= n <= MOST_TIMES for n in (starts, ends)):
        return None
    if type(seconds) not in (int, float) or not 0 <= seconds <= MOST_SECONDS:
        return None
    return dict(zip(_COUNTS, (starts, ends, round(float(seconds), 2)), strict=True))


def _to_play(slot: Assignment, protocol: Protocol) -> set[str]:
    task = assignment_for_screen(slot.pk).task
    shown: dict[str, Media | None] = {PROMPT: task.prompt.media}
    if protocol.shows_reference:
        shown[REFERENCE] = task.prompt.reference_media
    if slot.order:
        for place in task.outputs.all():
            output = place.output
            shown[str(place.place)] = output.media if output else task.prompt.reference_media
    else:
        for number, output in enumerate((task.output_a, task.output_b)):
            shown[str(number)] = output.media if output else None
    return {place for place, media in shown.items() if media and media.kind != "image"}
