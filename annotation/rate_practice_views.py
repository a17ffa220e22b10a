"""Training and qualification: tasks like any other, before the judging begins."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from annotation.assignments import submit_judgment
from annotation.blinding import blind_feedback, blind_task
from annotation.exceptions import AnnotationError, AssignmentClosed
from annotation.models import Judgment, Study
from annotation.on_screen import assignment_for_screen
from annotation.practice import PURPOSES, Practice, next_practice
from annotation.rate_access import RaterHttpRequest
from annotation.rate_forms import AnswerForm, TokenForm
from annotation.rate_pages import at_step, go_home, refusal, turn_page
from annotation.steps import QUALIFICATION, TRAINING, Step
from annotation.way import ATTEMPTS
from evalsite.lib.http import wants_fragment

STAGES = {
    TRAINING.name: gettext_lazy("Training"),
    QUALIFICATION.name: gettext_lazy("Qualification"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(TRAINING.name)
def training(request: RaterHttpRequest) -> HttpResponse:
    """Show the next training task; an answer is followed by what would have been right."""
    if request.method == "POST":
        return _answer(request, TRAINING)
    form = TokenForm(request.GET)
    if form.is_valid() and (page := _feedback(request, form.cleaned_data["token"])):
        return page
    return _task(request, TRAINING)


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(QUALIFICATION.name)
def qualification(request: RaterHttpRequest) -> HttpResponse:
    """Show the next task of the attempt; what was right is not said."""
    if request.method == "POST":
        return _answer(request, QUALIFICATION)
    return _task(request, QUALIFICATION)


def _answer(request: RaterHttpRequest, step: Step) -> HttpResponse:
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return refusal(request, gettext("That answer could not be read."))
    token: UUID = form.cleaned_data["token"]
    try:
        submit_judgment(request.rater, token=token, **form.reply())
    except AssignmentClosed:
        pass  # the same answer sent twice: it is stored once, and the rater goes on
    except AnnotationError as error:
        return refusal(request, str(error))
    if wants_fragment(request):
        page = _feedback(request, token) if step is TRAINING else None
        return page or _task(request, step)
    address = reverse(step.url_name, args=[request.rater.study.public_id])
    return redirect(f"{address}?token={token}" if step is TRAINING else address)


def _task(request: RaterHttpRequest, step: Step) -> HttpResponse:
    practice = next_practice(request.rater, step)
    if practice.assignment_pk is None:
        if request.rater.study.state == Study.State.OPEN:
            return go_home(request)
        is_paused = request.rater.study.state == Study.State.PAUSED
        return turn_page(request, "resting" if is_paused else "over")
    assignment = assignment_for_screen(practice.assignment_pk)
    assignment.study = request.rater.study
    return turn_page(
        request,
        "judge",
        answer_url=reverse(step.url_name, args=[request.rater.study.public_id]),
        ahead_url=reverse("annotation:rate-ahead", args=[request.rater.study.public_id]),
        task=blind_task(assignment),
        stage=STAGES[step.name],
        notice=_notice(request, step, practice),
        judged=practice.number - 1,
        number=practice.number,
        quota=practice.count,
    )


def _notice(request: RaterHttpRequest, step: Step, practice: Practice) -> str:
    """Say at the beginning of an attempt what it is."""
    if practice.number > 1:
        return ""
    if step is TRAINING:
        return gettext("A few tasks to begin with: after each one you see what we would have said.")
    needed = -(-request.rater.study.way.pass_percent * practice.count // 100)
    words = (
        gettext(
            "That was not enough. This is your second and last try, with other tasks: "
            "%(needed)s of %(count)s answers must be right."
        )
        if practice.attempt == ATTEMPTS
        else gettext(
            "A few tasks that show whether the instructions are clear: "
            "%(needed)s of %(count)s answers must be right."
        )
    )
    return words % {"needed": needed, "count": practice.count}


def _feedback(request: RaterHttpRequest, token: UUID) -> HttpResponse | None:
    """Render what is said of the rater's own training answer; None if there is none."""
    own = Judgment.objects.filter(
        rater=request.rater,
        assignment__token=token,
        assignment__purpose=PURPOSES[TRAINING.name],
    )
    judgment = own.select_related("task__gold").first()
    if judgment is None or judgment.assignment_id is None:
        return None
    assignment = assignment_for_screen(judgment.assignment_id)
    answered = request.rater.assignments.filter(purpose=PURPOSES[TRAINING.name]).judged().count()
    return turn_page(
        request,
        "feedback",
        feedback=blind_feedback(judgment, assignment),
        task=blind_task(assignment),
        stage=STAGES[TRAINING.name],
        judged=answered,
        number=answered,
        quota=request.rater.study.way.training_count,
    )
