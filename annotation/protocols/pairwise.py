"""Pairwise: which of two outputs is better; a tie and both-bad are answers of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from django import forms
from django.utils.translation import gettext, gettext_noop

from annotation.protocols.base import OTHER, Pairs
from annotation.protocols.options import Criterion, OptionReader
from annotation.protocols.parts import Answer, Choice, Mark, Part, Shown, numbered
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import Row

if TYPE_CHECKING:
    from annotation.models import Study

VERDICTS = ("a", "b", "tie", "both_bad")
#: Steps of strength as in Touvron et al. (2023), "Llama 2", section 3.2.1; 4 is the strongest.
STEPS = (
    gettext_noop("barely better"),
    gettext_noop("slightly better"),
    gettext_noop("better"),
    gettext_noop("much better"),
)
REASONS = ("off", "optional", "required")


@dataclass(frozen=True, kw_only=True)
class Pairwise(Pairs):
    name = "pairwise"
    label = "Pairwise: which of two is better"
    question = gettext_noop("Which answer would you rather get?")
    title = gettext_noop("Which answer is better?")
    telling_columns = ("system_a", "system_b", "verdict")
    extra_columns = ("left", "strength")
    option_fields = {
        "strength": forms.BooleanField(required=False, label="Ask how much better, in four steps"),
        "reason": forms.ChoiceField(
            choices=[(value, value.capitalize()) for value in REASONS],
            required=False,
            label="A box for the reason",
        ),
        "criteria": forms.CharField(
            required=False,
            label="Criteria",
            widget=forms.Textarea(attrs={"rows": 3}),
            help_text="One a line. Raters compare by each, then answer the question above.",
        ),
    }

    strength: bool = False
    #: Compared by each of these first; the study's question comes last and is the verdict.
    criteria: tuple[Criterion, ...] = ()
    reason: str = "off"
    # Columns of the study rather than options.
    allow_tie: bool = True
    allow_both_bad: bool = True

    @classmethod
    def parse(cls, options: Any) -> Self:
        reader = OptionReader(options, protocol=cls.name)
        found = cls(
            strength=reader.flag("strength", default=False),
            criteria=reader.criteria("criteria"),
            reason=reader.one_of("reason", REASONS),
        )
        reader.finish()
        if found.strength and found.criteria:
            raise InputRefused(
                "options strength and criteria are both there", expected="one of them"
            )
        return found

    @classmethod
    def of(cls, study: Study) -> Self:
        return replace(
            cls.parse(study.options),
            allow_tie=study.allow_tie,
            allow_both_bad=study.allow_both_bad,
        )

    def stored(self) -> dict[str, Any]:
        return {
            "strength": self.strength,
            "criteria": [{"key": c.key, "label": c.label} for c in self.criteria],
            "reason": self.reason,
        }

    @property
    def reason_box(self) -> str:
        return self.reason

    @property
    def is_one_press(self) -> bool:
        return not self.criteria and self.reason != "required"

    def parts(self, *, question: str, count: int) -> tuple[Part, ...]:
        choices = self._choices()
        return (
            *(Part(name=_field(c), label=c.label, choices=choices) for c in self.criteria),
            Part(name="choice", label=question, choices=choices),
        )

    def _choices(self) -> tuple[Choice, ...]:
        middle = [
            (value, "", words)
            for value, words, is_offered in (
                ("tie", gettext("Tie"), self.allow_tie),
                ("both_bad", gettext("Both bad"), self.allow_both_bad),
            )
            if is_offered
        ]
        if not self.strength:
            left = ("left", "", gettext("Left is better"))
            right = ("right", "", gettext("Right is better"))
            return numbered([left, *middle, right])
        steps = [(step, gettext(words)) for step, words in enumerate(STEPS, start=1)]
        return numbered(
            [
                *((f"left-{step}", gettext("Left is"), words) for step, words in reversed(steps)),
                *middle,
                *((f"right-{step}", gettext("Right is"), words) for step, words in steps),
            ]
        )

    def read(self, posted: Mapping[str, str], shown: Shown) -> Answer:
        *by_criterion, whole = self.parts(question=self.question, count=2)
        verdicts = {
            criterion.key: _turned(part.read(posted), shown)
            for criterion, part in zip(self.criteria, by_criterion, strict=True)
        }
        choice, _, step = whole.read(posted).partition("-")
        more: dict[str, Any] = {"criteria": verdicts} if verdicts else {}
        return Answer(
            verdict=_turned(choice, shown), more=more | ({"strength": int(step)} if step else {})
        )

    def say(self, answer: Answer, shown: Shown) -> dict[str, str]:
        step = answer.more.get("strength")
        whole = _on_screen(answer.verdict, shown) + (f"-{step}" if step else "")
        verdicts = answer.more.get("criteria", {})
        return {
            "choice": whole,
            **{_field(c): _on_screen(verdicts.get(c.key, ""), shown) for c in self.criteria},
        }

    # Counting

    @property
    def values(self) -> int:
        return len(VERDICTS)

    @property
    def counts_more(self) -> bool:
        return bool(self.criteria) or self.strength

    def marks(self, answer: Answer, *, places: int) -> list[Mark]:
        """Return the verdict as question 0, then that of each criterion.

        A strength is the question that the verdict is given to once more: 1 to 4.
        """
        verdict = VERDICTS.index(answer.verdict)
        if self.strength:
            step = answer.more.get("strength")
            return [Mark(0, None, verdict), *([Mark(step, None, verdict)] if step else [])]
        verdicts = answer.more.get("criteria", {}) if self.criteria else {}
        by_criterion = [
            Mark(number, None, VERDICTS.index(verdicts[criterion.key]))
            for number, criterion in enumerate(self.criteria, start=1)
            if criterion.key in verdicts
        ]
        return [Mark(0, None, verdict), *by_criterion]

    # Files

    @property
    def required_columns(self) -> tuple[str, ...]:
        return ("verdict",)

    @property
    def number_columns(self) -> tuple[str, ...]:
        return ("strength",)

    @property
    def more_columns(self) -> tuple[str, ...]:
        strength = ("strength",) if self.strength else ()
        return (*strength, *(f"criterion_{criterion.key}" for criterion in self.criteria))

    @classmethod
    def options_in(cls, rows: Sequence[Row]) -> dict[str, Any]:
        names = dict.fromkeys(name for row in rows for name in row.values)
        keys = [name.removeprefix("criterion_") for name in names if name.startswith("criterion_")]
        return {
            "strength": any(row.values.get("strength") not in (None, "") for row in rows),
            "criteria": [{"key": key, "label": key} for key in keys],
        }

    def from_row(self, row: Row) -> Answer:
        verdict = row.one_of("verdict", VERDICTS)
        more: dict[str, Any] = {}
        if self.strength and verdict in OTHER and row.values.get("strength") not in (None, ""):
            more["strength"] = row.whole("strength", low=1, high=len(STEPS))
        if self.criteria:
            more["criteria"] = {
                c.key: row.one_of(f"criterion_{c.key}", VERDICTS) for c in self.criteria
            }
        return Answer(verdict=verdict, more=more)

    def to_row(self, answer: Answer, systems: Sequence[str]) -> dict[str, Any]:
        verdicts = answer.more.get("criteria", {})
        return {
            "verdict": answer.verdict,
            "strength": answer.more.get("strength"),
            **{f"criterion_{key}": verdict for key, verdict in verdicts.items()},
        }

    def renumbered(self, answer: Answer, places: Sequence[int]) -> Answer:
        if not places[0]:
            return answer
        verdicts = answer.more.get("criteria", {})
        turned = {key: OTHER.get(verdict, verdict) for key, verdict in verdicts.items()}
        more = answer.more | ({"criteria": turned} if turned else {})
        return Answer(verdict=OTHER.get(answer.verdict, answer.verdict), more=more)


def _field(criterion: Criterion) -> str:
    return f"criterion_{criterion.key}"


def _turned(choice: str, shown: Shown) -> str:
    """Turn left and right into a and b, so that no later reader needs to know the order shown."""
    return {"left": shown.left, "right": OTHER[shown.left]}.get(choice, choice)


def _on_screen(verdict: str, shown: Shown) -> str:
    return {shown.left: "left", OTHER[shown.left]: "right"}.get(verdict, verdict)
