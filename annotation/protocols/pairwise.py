"""Pairwise: which of two outputs is better; a tie and both-bad are answers of their own."""

from __future__ import annotations

from annotation.protocols.base import Answer, Choice, Protocol


def _store(choice: str, left: str) -> Answer:
    """Turn left and right into a and b, so that no later reader needs to know the order shown."""
    if choice in ("left", "right"):
        other = {"a": "b", "b": "a"}[left]
        return Answer(verdict=left if choice == "left" else other)
    return Answer(verdict=choice)


PAIRWISE = Protocol(
    name="pairwise",
    template="annotation/rate/_pairwise.html",
    outputs=2,
    question="Which answer would you rather get?",
    all_choices=(
        Choice(value="left", words="Left is better", key="1"),
        Choice(value="tie", words="Tie", key="2"),
        Choice(value="both_bad", words="Both bad", key="3"),
        Choice(value="right", words="Right is better", key="4"),
    ),
    store=_store,
)
