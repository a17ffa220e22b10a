"""The rater's way: link, consent, instructions, judging, the end."""

from __future__ import annotations

from contextlib import suppress
from math import ceil

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.assignments import (
    Turn,
    flag_assignment,
    judge_and_go_on,
    keep_judgment,
    next_turn,
    reopen_last_judgment,
    skip_assignment,
)
from annotation.blinding import blind_task
from annotation.exceptions import (
    AnnotationError,
    AnswerIncomplete,
    AssignmentClosed,
    NothingToUndo,
)
from annotation.gold import quota_shown
from annotation.models import Flag, Rater, Study
from annotation.on_screen import assignment_for_screen
from annotation.paid_time import seconds_left
from annotation.protocols import protocol_of
from annotation.rate_access import (
    RaterHttpRequest,
    rater_from_token,
    rater_required,
    remember_rater,
    stranger_page,
)
from annotation.rate_end_views import end_page
from annotation.rate_forms import AnswerForm, FlagForm, Refused, TokenForm
from annotation.rate_pages import at_step, go_home, rater_page, refusal, turn_page
from annotation.steps import (
    CONSENT,
    DONE,
    INSTRUCTIONS,
    JUDGE,
    Step,
    complete_step,
    current_step,
    end_judging,
)
from evalsite.lib.http import HtmxHttpRequest, wants_fragment


@never_cache
@require_safe
def enter(request: HtmxHttpRequest, token: str) -> HttpResponse:
    """The invite link: on any device it leads to where the rater left off."""
    rater = rater_from_token(token)
    if rater is None:
        return stranger_page(request)
    response = redirect("annotation:rate-home", rater.study.public_id)
    remember_rater(response, rater)
    return response


@require_safe
@rater_required
def home(request: RaterHttpRequest) -> HttpResponse:
    return go_home(request)


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(CONSENT.name)
def consent(request: RaterHttpRequest) -> HttpResponse:
    return _read(request, CONSENT)


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(INSTRUCTIONS.name)
def instructions(request: RaterHttpRequest) -> HttpResponse:
    return _read(request, INSTRUCTIONS)


def _read(request: RaterHttpRequest, step: Step) -> HttpResponse:
    """Show a page that is read once; its button goes on."""
    if request.method != "POST":
        return rater_page(request, step.name)
    try:
        complete_step(request.rater, step)
    except AnnotationError as error:
        return rater_page(request, "turned_away", status=409, message=str(error))
    return redirect("annotation:rate-home", request.rater.study.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(JUDGE.name, DONE.name)
def judge(request: RaterHttpRequest) -> HttpResponse:
    """Show the rater's task; a POST stores the answer and, for htmx, brings the next task."""
    rater = request.rater
    if current_step(rater) is DONE:
        # The last answer sent twice, or the page of the last task reloaded.
        return end_page(request)
    if request.method != "POST":
        return _turn(request, next_turn(rater))
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return refusal(request, gettext("That answer could not be read."))
    return _answer(request, form)


def _answer(request: RaterHttpRequest, form: AnswerForm) -> HttpResponse:
    rater = request.rater
    token, reply = form.cleaned_data["token"], form.reply()
    try:
        turn = judge_and_go_on(rater, token=token, **reply)
    except AssignmentClosed:
        # The same answer sent twice: it is stored once, and the rater goes on.
        turn = next_turn(rater)
    except AnswerIncomplete as error:
        if protocol_of(rater.study).is_one_press:
            return refusal(request, str(error))
        refused = Refused(token=token, fields=reply["parts"], problem=str(error))
        return _turn(request, next_turn(rater), refused)
    except AnnotationError as error:
        return refusal(request, str(error))
    if wants_fragment(request):
        return _turn(request, turn)
    return redirect("annotation:rate-judge", rater.study.public_id)


def _turn(request: RaterHttpRequest, turn: Turn, refused: Refused | None = None) -> HttpResponse:
    """Render the task, or what there is instead of one; a refused answer is kept on it."""
    rater, study = request.rater, request.rater.study
    if turn.assignment_pk is None:
        return _no_task(request, turn)
    assignment = assignment_for_screen(turn.assignment_pk)
    assignment.study = study
    earlier = assignment.judgments.current().first() if turn.is_correction else None
    if refused and refused.token != assignment.token:
        refused = None  # it was given back meanwhile, and this is another task
    return turn_page(
        request,
        "judge",
        answer_url=reverse("annotation:rate-judge", args=[study.public_id]),
        ahead_url=reverse("annotation:rate-ahead", args=[study.public_id]),
        reasons=Flag.Reason.choices,
        **_countdown(rater, turn),
        can_skip=not turn.is_correction,
        can_undo=not turn.is_correction and turn.judged > 0,
        task=blind_task(assignment, earlier=earlier, kept=refused.fields if refused else None),
        refused=refused,
        status=409 if refused and not wants_fragment(request) else 200,
        judged=turn.judged,
        number=turn.judged + 1,
        quota=quota_shown(rater),
    )


def _countdown(rater: Rater, turn: Turn) -> dict[str, int]:
    """Return what is left of the paid time; nothing where the study does not pay by the hour."""
    left = turn.seconds_left if turn.seconds_left is not None else seconds_left(rater)
    if left is None:
        return {}
    return {"seconds_left": ceil(left), "minutes_left": ceil(left / 60)}


def _no_task(request: RaterHttpRequest, turn: Turn) -> HttpResponse:
    """Nothing to judge now: waiting for outputs, paused, or at the end."""
    rater, study = request.rater, request.rater.study
    counts = {"judged": turn.judged, "quota": quota_shown(rater)}
    if study.state == Study.State.PAUSED:
        return turn_page(request, "resting", **counts)
    if study.is_waiting and not turn.has_met_quota and study.state == Study.State.OPEN:
        return turn_page(request, "waiting", **counts)
    if study.tasks_to_come and not turn.has_met_quota and study.state == Study.State.OPEN:
        return turn_page(request, "between", **counts)
    if not _is_over(rater, turn):
        # Another rater may give a task back, so this is not the end yet.
        return turn_page(request, "done", **counts)
    following = end_judging(rater, has_met_quota=turn.has_met_quota)
    return end_page(request) if following is DONE else go_home(request)


def _is_over(rater: Rater, turn: Turn) -> bool:
    """Return whether a rater without a task has come to the end.

    Who was promised a quota and has begun to judge need not wait for others to give tasks back.
    """
    is_kept_waiting = rater.quota is not None and turn.judged > 0
    return turn.has_met_quota or rater.study.state == Study.State.CLOSED or is_kept_waiting


@require_POST
@at_step(JUDGE.name, DONE.name)
def undo(request: RaterHttpRequest) -> HttpResponse:
    with suppress(NothingToUndo):  # the page shows what there is to do
        reopen_last_judgment(request.rater)
    return _go_on(request)


@require_POST
@at_step(JUDGE.name)
def keep(request: RaterHttpRequest) -> HttpResponse:
    keep_judgment(request.rater)
    return _go_on(request)


@require_POST
@at_step(JUDGE.name)
def skip(request: RaterHttpRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return refusal(request, gettext("That task could not be read."))
    try:
        with suppress(AssignmentClosed):  # a double click: the task is set aside already
            skip_assignment(request.rater, token=form.cleaned_data["token"])
    except AnnotationError as error:
        return refusal(request, str(error))
    return _go_on(request)


@require_POST
@at_step(JUDGE.name)
def flag(request: RaterHttpRequest) -> HttpResponse:
    """Take what is wrong with the task, and go on with the next."""
    form = FlagForm(request.POST)
    if not form.is_valid():
        return refusal(request, gettext("What is wrong with the task could not be read."))
    try:
        with suppress(AssignmentClosed):  # a double click: it is flagged already
            flag_assignment(request.rater, **form.cleaned_data)
    except AnnotationError as error:
        return refusal(request, str(error))
    return _go_on(request)


def _go_on(request: RaterHttpRequest) -> HttpResponse:
    if not wants_fragment(request):
        return redirect("annotation:rate-judge", request.rater.study.public_id)
    if current_step(request.rater) is DONE:
        return end_page(request)
    return _turn(request, next_turn(request.rater))


@require_safe
@rater_required
def pause(request: RaterHttpRequest) -> HttpResponse:
    return rater_page(request, "pause")
