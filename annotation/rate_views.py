"""The rater's way: link, consent, instructions, judging, the end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.assignments import (
    Turn,
    assignment_for_screen,
    judge_and_go_on,
    keep_judgment,
    next_turn,
    reopen_last_judgment,
    skip_assignment,
)
from annotation.blinding import blind_study, blind_task
from annotation.exceptions import (
    AnnotationError,
    AnswerIncomplete,
    AssignmentClosed,
    NothingToUndo,
)
from annotation.models import Rater, Study
from annotation.protocols import protocol_of
from annotation.rate_access import (
    RaterHttpRequest,
    rater_from_token,
    rater_required,
    remember_rater,
)
from annotation.rate_forms import AnswerForm, Refused, TokenForm
from evalsite.lib.http import HtmxHttpRequest, render_page, wants_fragment


@never_cache
@require_safe
def enter(request: HtmxHttpRequest, token: str) -> HttpResponse:
    """The invite link: on any device it leads to where the rater left off."""
    rater = rater_from_token(token)
    if rater is None:
        return render(request, "annotation/rate/stranger.html", status=403)
    response = redirect("annotation:rate-home", rater.study.public_id)
    remember_rater(response, rater)
    return response


@require_safe
@rater_required
def home(request: RaterHttpRequest) -> HttpResponse:
    return redirect(_next_step(request.rater), request.rater.study.public_id)


def _next_step(rater: Rater) -> str:
    if rater.study.consent and rater.consented_at is None:
        return "annotation:rate-consent"
    if rater.instructed_at is None:
        return "annotation:rate-instructions"
    return "annotation:rate-judge"


@require_http_methods(["GET", "HEAD", "POST"])
@rater_required
def consent(request: RaterHttpRequest) -> HttpResponse:
    if request.method == "POST":
        request.rater.consent()
        return redirect("annotation:rate-home", request.rater.study.public_id)
    return _page(request, "consent")


@require_http_methods(["GET", "HEAD", "POST"])
@rater_required
def instructions(request: RaterHttpRequest) -> HttpResponse:
    if request.method == "POST":
        request.rater.read_instructions()
        return redirect("annotation:rate-home", request.rater.study.public_id)
    return _page(request, "instructions")


@require_http_methods(["GET", "HEAD", "POST"])
@rater_required
def judge(request: RaterHttpRequest) -> HttpResponse:
    """Show the rater's task; a POST stores the answer and, for htmx, brings the next task."""
    rater = request.rater
    step = _next_step(rater)
    if step != "annotation:rate-judge":
        return redirect(step, rater.study.public_id)
    if request.method != "POST":
        return _turn(request, next_turn(rater))
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _refusal(request, "That answer could not be read.")
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
            return _refusal(request, str(error))
        refused = Refused(token=token, fields=reply["parts"], problem=str(error))
        return _turn(request, next_turn(rater), refused)
    except AnnotationError as error:
        return _refusal(request, str(error))
    if wants_fragment(request):
        return _turn(request, turn)
    return redirect("annotation:rate-judge", rater.study.public_id)


def _turn(request: RaterHttpRequest, turn: Turn, refused: Refused | None = None) -> HttpResponse:
    """Render the task, or what there is instead of one; a refused answer is kept on it."""
    rater, study = request.rater, request.rater.study
    if turn.assignment_pk is None:
        return _no_task(request, turn)
    assignment = assignment_for_screen(turn.assignment_pk, turn.claimed)
    assignment.study = study
    earlier = assignment.judgments.current().first() if turn.is_correction else None
    if refused and refused.token != assignment.token:
        refused = None  # it was given back meanwhile, and this is another task
    context = _context(
        rater,
        task=blind_task(assignment, earlier=earlier, kept=refused.fields if refused else None),
        refused=refused,
        judged=turn.judged,
        number=turn.judged + 1,
        quota=study.quota,
    )
    return render_page(
        request,
        "annotation/rate/judge.html",
        context,
        fragment="annotation/rate/_judge.html",
        status=409 if refused and not wants_fragment(request) else 200,
    )


def _no_task(request: RaterHttpRequest, turn: Turn) -> HttpResponse:
    """Nothing to judge now: waiting for outputs, paused, or at the end."""
    rater, study = request.rater, request.rater.study
    if study.state == Study.State.PAUSED:
        template = "resting"
    elif study.is_waiting and turn.judged < study.quota and study.state == Study.State.OPEN:
        template = "waiting"
    elif study.tasks_to_come and turn.judged < study.quota and study.state == Study.State.OPEN:
        template = "between"
    else:
        rater.finish()
        template = "done"
    context = _context(rater, judged=turn.judged, quota=study.quota)
    return render_page(
        request,
        f"annotation/rate/{template}.html",
        context,
        fragment=f"annotation/rate/_{template}.html",
    )


def _refusal(request: RaterHttpRequest, message: str) -> HttpResponse:
    """Say plainly what went wrong and what to do next; nothing was stored."""
    return render_page(
        request,
        "annotation/rate/refused.html",
        _context(request.rater, message=message),
        fragment="annotation/rate/_refused.html",
        status=200 if wants_fragment(request) else 409,
    )


@require_POST
@rater_required
def undo(request: RaterHttpRequest) -> HttpResponse:
    with suppress(NothingToUndo):  # the page shows what there is to do
        reopen_last_judgment(request.rater)
    return _go_on(request)


@require_POST
@rater_required
def keep(request: RaterHttpRequest) -> HttpResponse:
    keep_judgment(request.rater)
    return _go_on(request)


@require_POST
@rater_required
def skip(request: RaterHttpRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _refusal(request, "That task could not be read.")
    try:
        with suppress(AssignmentClosed):  # a double click: the task is set aside already
            skip_assignment(request.rater, token=form.cleaned_data["token"])
    except AnnotationError as error:
        return _refusal(request, str(error))
    return _go_on(request)


def _go_on(request: RaterHttpRequest) -> HttpResponse:
    if wants_fragment(request):
        return _turn(request, next_turn(request.rater))
    return redirect("annotation:rate-judge", request.rater.study.public_id)


@require_safe
@rater_required
def pause(request: RaterHttpRequest) -> HttpResponse:
    return _page(request, "pause")


@require_safe
@rater_required
def done(request: RaterHttpRequest) -> HttpResponse:
    """The end has no address of its own: what is left to do decides."""
    return redirect("annotation:rate-judge", request.rater.study.public_id)


def _page(request: RaterHttpRequest, name: str) -> HttpResponse:
    response = render(request, f"annotation/rate/{name}.html", _context(request.rater))
    patch_vary_headers(response, ["HX-Request"])
    return response


def _context(rater: Rater, **more: Any) -> dict[str, Any]:
    """The only things that rater templates see: blind objects and counts."""
    return {"study": blind_study(rater.study), "token": rater.invite_token, **more}
