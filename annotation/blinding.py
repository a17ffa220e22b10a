"""What a rater may know. Rater templates receive these objects and never a model instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.utils.safestring import SafeString, mark_safe

from annotation.gold import is_right
from annotation.models import Assignment, Judgment, Side, Study, Task, TaskOutput
from annotation.protocols import Answer, Choice, Part, Protocol, Shown, protocol_of
from annotation.redaction import redacted
from evalsite.lib.markdown import render_markdown


@dataclass(frozen=True, kw_only=True)
class BlindPart:
    """One question of the form, and what is answered already: while correcting, or refused."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    bands: tuple[str, ...]
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class BlindOutput:
    label: str
    html: SafeString
    #: The slider that stands beside it.
    part: BlindPart | None = None


@dataclass(frozen=True, kw_only=True)
class BlindTask:
    """One task on one rater's screen: sanitised HTML in the order shown, and an opaque token."""

    token: UUID
    prompt: SafeString
    #: Shown openly, as what the outputs are compared with.
    reference: SafeString | None
    outputs: tuple[BlindOutput, ...]
    #: The questions that stand by themselves.
    parts: tuple[BlindPart, ...]
    comment: str
    #: Whether the rater corrects an answer, and which, where it is one choice.
    is_correction: bool = False
    earlier_choice: str = ""


@dataclass(frozen=True, kw_only=True)
class BlindStudy:
    """What raters see of a study: never its name or slug, which may name a system."""

    public_id: str
    title: str
    question: str
    instructions: SafeString
    consent: SafeString
    protocol: str
    template: str
    reason_box: str
    is_one_press: bool
    #: The questions as every task asks them; none where they depend on what is shown.
    parts: tuple[Part, ...]

    @property
    def has_sliders(self) -> bool:
        return not self.parts

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Return the buttons of a form that is one press of one of them."""
        return self.parts[0].choices if self.is_one_press else ()


@dataclass(frozen=True, kw_only=True)
class BlindFeedback:
    """What a rater in training is told of an answer, once it is stored."""

    is_right: bool
    #: What would have been right, in the words of the screen.
    expected: tuple[str, ...]
    html: SafeString


def blind_feedback(judgment: Judgment, assignment: Assignment) -> BlindFeedback:
    """Build the feedback on an answer from its task's gold, in terms of what stood where."""
    gold = judgment.task.gold
    shown = {
        ("left" if value == assignment.left else "right") if value in Side.values else value
        for value in gold.expected
    }
    study = assignment.study
    (part,) = protocol_of(study).parts(question=study.question, count=0)
    return BlindFeedback(
        is_right=is_right(gold.expected, judgment),
        expected=tuple(choice.in_full for choice in part.choices if choice.value in shown),
        html=_rendered(gold.feedback),
    )


def blind_study(study: Study) -> BlindStudy:
    protocol = protocol_of(study)
    return BlindStudy(
        public_id=study.public_id,
        title=study.title,
        question=study.question,
        instructions=_rendered(study.instructions),
        consent=_rendered(study.consent),
        protocol=protocol.name,
        template=protocol.template,
        reason_box=protocol.reason_box,
        is_one_press=protocol.is_one_press,
        parts=protocol.parts(question=study.question, count=0),
    )


def blind_task(
    assignment: Assignment,
    *,
    earlier: Judgment | None = None,
    kept: Mapping[str, str] | None = None,
) -> BlindTask:
    """Build what the screen shows from an assignment with its task, prompt and outputs.

    `earlier` is the judgment that the rater corrects; `kept` are the fields of an answer that was
    refused, so that nothing has to be chosen twice.
    """
    protocol = protocol_of(assignment.study)
    shown = Shown(left=assignment.left, order=tuple(assignment.order))
    hidden = assignment.study.redact
    texts = [_safe(redacted(html, hidden)) for html in _texts(assignment.task, shown)]
    labels = protocol.labels(len(texts))
    said = _said(protocol, earlier, shown) if earlier else {}
    values = {**said, **(kept or {})}
    parts = protocol.parts(question=assignment.study.question, count=len(texts))
    beside, alone = _filled(parts, values)
    return BlindTask(
        token=assignment.token,
        prompt=_safe(assignment.task.prompt.html),
        reference=_safe(redacted(_rendered(assignment.task.prompt.reference), hidden))
        if protocol.shows_reference
        else None,
        outputs=tuple(
            BlindOutput(label=label, html=html, part=beside.get(number))
            for number, (label, html) in enumerate(zip(labels, texts, strict=True))
        ),
        parts=alone,
        comment=values.get("comment", ""),
        is_correction=earlier is not None,
        earlier_choice=_in_words(parts[0], said) if protocol.is_one_press else "",
    )


def _texts(task: Task, shown: Shown) -> list[SafeString]:
    """Return what is judged, as HTML in the order shown."""
    if shown.order:
        places = {place.place: place for place in task.outputs.all()}
        return [_at(places[number], task) for number in shown.order]
    outputs = [task.output_a, task.output_b]
    if shown.left == Side.B:
        outputs.reverse()
    return [_safe(output.html) for output in outputs if output is not None]


def _at(place: TaskOutput, task: Task) -> SafeString:
    if place.output is None:
        return _rendered(task.prompt.reference)
    return _safe(place.output.html)


def _said(protocol: Protocol, judgment: Judgment, shown: Shown) -> dict[str, str]:
    """Say an earlier judgment as the fields of the form."""
    answer = Answer(verdict=judgment.verdict, score=judgment.score, more=judgment.answer)
    return {**protocol.say(answer, shown), "comment": judgment.comment}


def _filled(
    parts: tuple[Part, ...], values: Mapping[str, str]
) -> tuple[dict[int, BlindPart], tuple[BlindPart, ...]]:
    """Return the parts with their values: those beside an output by its number, and the others."""
    beside: dict[int, BlindPart] = {}
    alone: list[BlindPart] = []
    for part in parts:
        blind = BlindPart(
            name=part.name,
            label=part.label,
            choices=part.choices,
            bands=part.bands,
            value=values.get(part.name, ""),
        )
        if part.output is None:
            alone.append(blind)
        else:
            beside[part.output] = blind
    return beside, tuple(alone)


def _in_words(part: Part, said: Mapping[str, str]) -> str:
    value = said.get(part.name, "")
    return next((choice.in_full for choice in part.choices if choice.value == value), "")


@lru_cache(maxsize=256)
def _rendered(text: str) -> SafeString:
    return _safe(render_markdown(text)) if text else mark_safe("")


def _safe(html: str) -> SafeString:
    # Sanitised by render_markdown, here or when it was stored.
    return mark_safe(html)  # noqa: S308
