"""What a rater may know. Rater templates receive these objects and never a model instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from annotation.gold import is_right
from annotation.models import Assignment, Judgment, Side, Study, Task
from annotation.plays import PROMPT, REFERENCE
from annotation.protocols import Answer, Choice, Part, Protocol, Shown, protocol_of
from annotation.redaction import redacted
from evalsite.lib.markdown import render_markdown
from generation.models import Media, Output

#: What plays what: letters that no other key of the page uses. Digits are answers.
PLAY_KEYS = {
    PROMPT: "p",
    REFERENCE: "r",
    **{str(number): key for number, key in enumerate("qwtyioadghjk")},
}


@dataclass(frozen=True, kw_only=True)
class BlindPart:
    """One question of the form, and what is answered already: while correcting, or refused."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    bands: tuple[str, ...]
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class BlindMedia:
    """Something to hear or to look at: its kind, and an address that only names the place."""

    #: audio, image or video.
    kind: str
    url: str
    #: prompt, reference, or an output's number on the screen.
    place: str
    label: str
    #: What plays it on a keyboard; empty: nothing does.
    key: str = ""

    @property
    def is_played(self) -> bool:
        return self.kind != "image"


@dataclass(frozen=True, kw_only=True)
class BlindOutput:
    label: str
    html: SafeString
    media: BlindMedia | None = None
    #: The slider that stands beside it.
    part: BlindPart | None = None


@dataclass(frozen=True, kw_only=True)
class BlindTask:
    """One task on one rater's screen: sanitised HTML in the order shown, and an opaque token."""

    token: UUID
    prompt: SafeString
    prompt_media: BlindMedia | None
    #: Shown openly, as what the outputs are compared with.
    reference: SafeString | None
    reference_media: BlindMedia | None
    outputs: tuple[BlindOutput, ...]
    #: The questions that stand by themselves.
    parts: tuple[BlindPart, ...]
    comment: str
    #: Whether the rater corrects an answer, and which, where it is one choice.
    is_correction: bool = False
    earlier_choice: str = ""

    @property
    def media(self) -> tuple[BlindMedia, ...]:
        """Return all there is to hear or to look at, in the order of the screen."""
        shown = (self.prompt_media, self.reference_media, *(o.media for o in self.outputs))
        return tuple(media for media in shown if media is not None)

    @property
    def played(self) -> tuple[BlindMedia, ...]:
        return tuple(media for media in self.media if media.is_played)


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
    is_heard: bool
    #: An answer is only taken once all was played to its end.
    must_play: bool
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
        is_heard=protocol.is_heard,
        must_play=study.way.must_play,
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
    prompt = assignment.task.prompt
    outputs = _outputs(assignment.task, shown)
    labels = protocol.labels(len(outputs))
    media, is_compared = _Shelf(assignment), protocol.shows_reference
    hidden = assignment.study.redact
    said = _said(protocol, earlier, shown) if earlier else {}
    values = {**said, **(kept or {})}
    parts = protocol.parts(question=assignment.study.question, count=len(outputs))
    beside, alone = _filled(parts, values)
    return BlindTask(
        token=assignment.token,
        prompt=_safe(prompt.html),
        prompt_media=media.blind(prompt.media, PROMPT, gettext("Prompt")),
        reference=_safe(redacted(_rendered(prompt.reference), hidden)) if is_compared else None,
        reference_media=media.blind(prompt.reference_media, REFERENCE, gettext("Reference"))
        if is_compared
        else None,
        outputs=tuple(
            BlindOutput(
                label=label,
                html=_safe(redacted(_text(output, assignment.task), hidden)),
                media=media.blind(_media(output, assignment.task), str(number), label),
                part=beside.get(number),
            )
            for number, (label, output) in enumerate(zip(labels, outputs, strict=True))
        ),
        parts=alone,
        comment=values.get("comment", ""),
        is_correction=earlier is not None,
        earlier_choice=_in_words(parts[0], said) if protocol.is_one_press else "",
    )


def role_at(assignment: Assignment, place: str) -> str:
    """Return what stands at a place among the answers, one of `TaskOutput.Role`; else nothing."""
    numbers = {str(number): role for number, role in enumerate(_roles(assignment.task, assignment))}
    return numbers.get(place, "")


def _roles(task: Task, assignment: Assignment) -> list[str]:
    roles = {place.place: place.role for place in task.outputs.all()} if assignment.order else {}
    return [roles[number] for number in assignment.order]


def outputs_on_screen(assignment: Assignment) -> list[Output | None]:
    """Return what is judged, in the order shown; None is the reference, hidden among the others."""
    shown = Shown(left=assignment.left, order=tuple(assignment.order))
    return _outputs(assignment.task, shown)


def media_at(assignment: Assignment, place: str) -> Media | None:
    """Return what stands at a place of the screen, as it is in `BlindMedia`; None: nothing does."""
    task, protocol = assignment.task, protocol_of(assignment.study)
    if place == PROMPT:
        return task.prompt.media
    if place == REFERENCE:
        return task.prompt.reference_media if protocol.shows_reference else None
    by_number = {str(i): output for i, output in enumerate(outputs_on_screen(assignment))}
    return _media(by_number[place], task) if place in by_number else None


@dataclass(frozen=True)
class _Shelf:
    """Makes what a template sees of the files of one assignment."""

    assignment: Assignment

    def blind(self, media: Media | None, place: str, label: str) -> BlindMedia | None:
        if media is None:
            return None
        address = [self.assignment.study.public_id, self.assignment.token, place]
        return BlindMedia(
            kind=media.kind,
            url=reverse("annotation:rate-media", args=address),
            place=place,
            label=label,
            key=PLAY_KEYS.get(place, ""),
        )


def _outputs(task: Task, shown: Shown) -> list[Output | None]:
    if shown.order:
        places = {place.place: place for place in task.outputs.all()}
        return [places[number].output for number in shown.order]
    outputs = [output for output in (task.output_a, task.output_b) if output is not None]
    return [*reversed(outputs)] if shown.left == Side.B else [*outputs]


def _text(output: Output | None, task: Task) -> SafeString:
    return _rendered(task.prompt.reference) if output is None else _safe(output.html)


def _media(output: Output | None, task: Task) -> Media | None:
    return task.prompt.reference_media if output is None else output.media


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
