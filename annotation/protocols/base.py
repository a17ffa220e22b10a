"""What every protocol says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotation.exceptions import ChoiceUnknown


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One answer that a rater can give: what the form sends, the words, and the key."""

    value: str
    words: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is stored: a verdict in task terms, or a score."""

    verdict: str = ""
    score: int | None = None


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a study asks. `store(choice, left)` turns screen terms into what is stored."""

    name: str
    template: str
    outputs: int
    question: str
    all_choices: tuple[Choice, ...]
    store: Callable[[str, str], Answer]

    def choices(self, *, allow_tie: bool, allow_both_bad: bool) -> tuple[Choice, ...]:
        """Return the choices that this study offers, with keys in the order shown."""
        left_out = {
            value
            for value, is_offered in (("tie", allow_tie), ("both_bad", allow_both_bad))
            if not is_offered
        }
        offered = [choice for choice in self.all_choices if choice.value not in left_out]
        return tuple(
            Choice(value=choice.value, words=choice.words, key=str(number))
            for number, choice in enumerate(offered, start=1)
        )

    def read(self, choice: str, *, left: str, offered: tuple[Choice, ...]) -> Answer:
        """Return what to store; raise `ChoiceUnknown` for what was not offered."""
        if choice not in {c.value for c in offered}:
            raise ChoiceUnknown
        return self.store(choice, left)
