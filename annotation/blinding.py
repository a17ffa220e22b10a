"""What a rater may know. Rater templates receive these objects and never a model instance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.utils.safestring import SafeString, mark_safe

from annotation.models import Assignment, Judgment, Side, Study
from annotation.protocols import Choice, protocol_of
from evalsite.lib.markdown import render_markdown


@dataclass(frozen=True, kw_only=True)
class BlindOutput:
    label: str
    html: SafeString


@dataclass(frozen=True, kw_only=True)
class BlindTask:
    """One task on one rater's screen: sanitised HTML in the order shown, and an opaque token."""

    token: UUID
    prompt: SafeString
    outputs: tuple[BlindOutput, ...]
    #: What the rater chose before, while correcting it.
    earlier_choice: str = ""


@dataclass(frozen=True, kw_only=True)
class BlindStudy:
    """What raters see of a study: never its name or slug, which may name a system."""

    public_id: str
    title: str
    question: str
    instructions: SafeString
    consent: SafeString
    choices: tuple[Choice, ...]
    template: str


def blind_study(study: Study) -> BlindStudy:
    protocol = protocol_of(study)
    return BlindStudy(
        public_id=study.public_id,
        title=study.title,
        question=study.question,
        instructions=_rendered(study.instructions),
        consent=_rendered(study.consent),
        choices=offered_choices(study),
        template=protocol.template,
    )


def offered_choices(study: Study) -> tuple[Choice, ...]:
    return protocol_of(study).choices(
        allow_tie=study.allow_tie, allow_both_bad=study.allow_both_bad
    )


def blind_task(assignment: Assignment, *, earlier: Judgment | None = None) -> BlindTask:
    """Build what the screen shows from an assignment with its task, prompt and outputs."""
    task = assignment.task
    shown = [task.output_a, task.output_b]
    if assignment.left == Side.B:
        shown.reverse()
    labels = ("Left", "Right") if task.output_b else ("Answer",)
    outputs = [output for output in shown if output is not None]
    return BlindTask(
        token=assignment.token,
        prompt=_safe(task.prompt.html),
        outputs=tuple(
            BlindOutput(label=label, html=_safe(output.html))
            for label, output in zip(labels, outputs, strict=True)
        ),
        earlier_choice=_words(earlier, assignment) if earlier else "",
    )


def _words(judgment: Judgment, assignment: Assignment) -> str:
    """Say an earlier judgment in the words of the screen."""
    if judgment.score is not None:
        value = str(judgment.score)
    elif judgment.verdict in Side.values:
        value = "left" if judgment.verdict == assignment.left else "right"
    else:
        value = judgment.verdict
    choices = protocol_of(assignment.study).all_choices
    return next(choice.words for choice in choices if choice.value == value)


@lru_cache(maxsize=256)
def _rendered(text: str) -> SafeString:
    return _safe(render_markdown(text)) if text else mark_safe("")


def _safe(html: str) -> SafeString:
    # Sanitised by render_markdown, here or when it was stored.
    return mark_safe(html)  # noqa: S308
