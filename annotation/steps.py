"""A rater's progress: one list of steps, each a page, each stamped on the rater when it is done.

Where a rater stands is never stored: it is the first step that applies and has no stamp. A step
more is one more line here, a column for its stamp and a page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from annotation.admission import admit, was_filled_up
from annotation.endings import outcome_of
from annotation.models import Rater, Study
from evalsite.lib.db import write_transaction


@dataclass(frozen=True, kw_only=True)
class Step:
    """One page of the way, and the column of `Rater` that says when it was done."""

    name: str
    stamp: str
    applies: Callable[[Study], bool]

    @property
    def url_name(self) -> str:
        return f"annotation:rate-{self.name}"


def _always(study: Study) -> bool:
    return True


def _asks_for_consent(study: Study) -> bool:
    return bool(study.consent)


def _has_audio_gate(study: Study) -> bool:
    return bool(study.way.audio_gate)


def _has_training(study: Study) -> bool:
    return study.way.training_count > 0


def _has_qualification(study: Study) -> bool:
    return study.way.qualification_tasks > 0


def _has_survey(study: Study) -> bool:
    return bool(study.way.survey)


CONSENT = Step(name="consent", stamp="consented_at", applies=_asks_for_consent)
INSTRUCTIONS = Step(name="instructions", stamp="instructed_at", applies=_always)
AUDIO = Step(name="audio", stamp="sound_checked_at", applies=_has_audio_gate)
TRAINING = Step(name="training", stamp="trained_at", applies=_has_training)
QUALIFICATION = Step(name="qualification", stamp="qualified_at", applies=_has_qualification)
JUDGE = Step(name="judge", stamp="judging_ended_at", applies=_always)
SURVEY = Step(name="survey", stamp="surveyed_at", applies=_has_survey)
DONE = Step(name="done", stamp="finished_at", applies=_always)
#: In this order, whatever the study.
STEPS = (CONSENT, INSTRUCTIONS, AUDIO, TRAINING, QUALIFICATION, JUDGE, SURVEY)


def steps_of(study: Study) -> tuple[Step, ...]:
    """Return the steps that this study asks of every rater, the end included."""
    return (*(step for step in STEPS if step.applies(study)), DONE)


def current_step(rater: Rater) -> Step:
    """Return the first step that the rater has not done; the end, once there is an outcome."""
    if rater.outcome:
        return DONE
    return next(step for step in steps_of(rater.study) if step is DONE or not _stamp(rater, step))


def is_ahead(rater: Rater, name: str) -> bool:
    """True when the step of that name comes after the one where the rater stands."""
    names = [step.name for step in steps_of(rater.study)]
    return name not in names or names.index(name) > names.index(current_step(rater).name)


def _stamp(rater: Rater, step: Step) -> object:
    return getattr(rater, step.stamp)


@write_transaction()
def complete_step(rater: Rater, step: Step) -> Step:
    """Note that the step is done, once; return the next. The last one brings the outcome.

    Whoever takes the first step begins: raises what `admit` raises.
    """
    admit(rater)
    rater.stamp(step.stamp)
    following = current_step(rater)
    if following is DONE and not rater.outcome:
        rater.end(outcome_of(rater))
    return following


@write_transaction()
def end_judging(rater: Rater, *, has_met_quota: bool) -> Step:
    """Note that there is nothing more to judge for this rater, and whether that was their doing."""
    if not has_met_quota and was_filled_up(rater):
        rater.is_filled_up = True
        rater.save(update_fields=["is_filled_up"])
    return complete_step(rater, JUDGE)


@write_transaction()
def reopen_judging(rater: Rater) -> None:
    """Go back from the end to the last answer. The end comes again once it is corrected."""
    rater.outcome, rater.judging_ended_at = "", None
    rater.save(update_fields=["outcome", "judging_ended_at"])
