"""MOS: absolute category rating of one output, with the words of ITU-T P.800."""

from __future__ import annotations

from annotation.protocols.base import Answer, Choice, Protocol

WORDS = ("Bad", "Poor", "Fair", "Good", "Excellent")


def _store(choice: str, left: str) -> Answer:
    return Answer(score=int(choice))


MOS = Protocol(
    name="mos",
    template="annotation/rate/_mos.html",
    outputs=1,
    question="How good is this answer?",
    all_choices=tuple(
        Choice(value=str(score), words=words, key=str(score))
        for score, words in enumerate(WORDS, start=1)
    ),
    store=_store,
)
