"""The researcher's pages for studies: set up, launch, watch, end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.gold import marks_of
from annotation.launch import launch_problems, launch_study
from annotation.models import Assignment, Rater, Study
from annotation.quality.assessment import alarms_of
from annotation.redaction import hide_words
from annotation.rounds import next_round_size
from annotation.self_naming import namings_in
from annotation.services import (
    MAX_GROUP,
    MAX_INVITES,
    close_study,
    create_study,
    delete_draft,
    exclude,
    invite_raters,
    lift_exclusion,
    pause_study,
    resume_study,
    revoke_rater,
)
from annotation.study_forms import ExclusionForm, InviteForm, StudyForm
from evalsite.lib.exceptions import EvalsiteError, InputRefused
from evalsite.lib.http import UserHttpRequest, render_page, wants_fragment
from generation.models import Output
from generation.output_facts import facts_of

PAGE_SIZE = 50
#: So many outputs that name a system are listed.
MAX_NAMINGS = 20


def own_study(request: UserHttpRequest, slug: str) -> Study:
    studies = Study.objects.owned_by(request.user).select_related("prompt_set").defer("plan")
    return get_object_or_404(studies, slug=slug)


@login_required
@require_safe
def study_list(request: UserHttpRequest) -> HttpResponse:
    studies = Study.objects.owned_by(request.user).with_progress()
    page = Paginator(studies, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "annotation/study_list.html", {"studies": page})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def study_create(request: UserHttpRequest) -> HttpResponse:
    """The form; htmx posts it while it is filled in, and gets back how large the study is."""
    form = StudyForm(request.POST or None, owner=request.user)
    if request.method == "POST" and wants_fragment(request):
        return render(request, "annotation/_study_size.html", {"size": form.size()})
    if form.is_valid():
        data = dict(form.cleaned_data)
        try:
            study = create_study(owner=request.user, **data)
        except EvalsiteError as error:
            form.add_error(None, str(error))
        else:
            return redirect("annotation:study-detail", study.slug)
    size = form.size() if form.is_bound else None
    return render(request, "annotation/study_form.html", {"form": form, "size": size})


@login_required
@require_safe
def study_detail(request: UserHttpRequest, slug: str) -> HttpResponse:
    study = own_study(request, slug)
    if study.state == Study.State.DRAFT:
        return _draft(request, study)
    raters = Paginator(_raters(study), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "study": study,
        "systems": study.study_systems.select_related("system"),
        "progress": _progress(study),
        "alarms": alarms_of(study),
        "raters": raters,
        "marks": marks_of(raters) if study.way.check_count else {},
        "exclusions": study.exclusions.select_related("rater").order_by("-pk")[:PAGE_SIZE],
        "exclusion_count": study.exclusions.count(),
        "flags": _flags(study),
        "events": study.events.select_related("by").order_by("-pk")[:PAGE_SIZE],
        "invite_form": InviteForm(),
        "next_round": next_round_size(study) if study.tasks_to_come else 0,
    }
    return render_page(
        request,
        "annotation/study_detail.html",
        context,
        fragment="annotation/_study_progress.html",
    )


def _raters(study: Study) -> Any:
    return study.raters.with_progress().order_by("pk")


def _flags(study: Study) -> Any:
    """The newest flags, with the prompt and the systems that they are about."""
    task = "assignment__task"
    related = (f"{task}__prompt", f"{task}__system_a", f"{task}__system_b", "assignment__rater")
    return study.flags.select_related(*related).order_by("-pk")[:PAGE_SIZE]


def _progress(study: Study) -> dict[str, int]:
    state = Assignment.State
    slots = study.assignments.targets()
    judged = slots.filter(state=state.JUDGED).count()
    withdrawn = slots.filter(state=state.WITHDRAWN).count()
    return {
        "judged": judged,
        "target": study.slot_count - withdrawn,
        "waiting": slots.filter(state=state.WAITING).count(),
        "on_screens": slots.filter(state=state.CLAIMED).count(),
        "withdrawn": withdrawn,
        "judgments": study.judgments.counted().current().count(),
    }


def _draft(request: UserHttpRequest, study: Study) -> HttpResponse:
    systems = list(study.systems.order_by("study_systems__position"))
    shown = Output.objects.filter(prompt__prompt_set=study.prompt_set, sample=study.sample)
    namings = list(namings_in(study, systems))
    naming = Counter(found.output.system_id for found in namings if found.left_over)
    context = {
        "study": study,
        "systems": systems,
        "problems": launch_problems(study),
        "outputs": [(facts, naming[facts.system.pk]) for facts in facts_of(shown, systems)],
        "namings": namings[:MAX_NAMINGS],
        "namings_more": max(len(namings) - MAX_NAMINGS, 0),
        "words": sorted({word for naming in namings for word in naming.words} | {*study.redact}),
    }
    return render(request, "annotation/study_draft.html", context)


def acting(
    act: Callable[[UserHttpRequest, Study], str],
) -> Callable[..., HttpResponse]:
    """Make a POST view of a function that does one thing to the owner's study and says so."""

    @login_required
    @require_POST
    def view(request: UserHttpRequest, slug: str) -> HttpResponse:
        study = own_study(request, slug)
        try:
            messages.info(request, act(request, study))
        except EvalsiteError as error:
            messages.error(request, str(error))
        return redirect("annotation:study-detail", slug)

    return view


@acting
def words_hide(request: UserHttpRequest, study: Study) -> str:
    words = request.POST.getlist("word")
    hide_words(study, words, by=request.user)
    return f"Hidden from raters: {', '.join(study.redact)}." if words else "Nothing is hidden."


@acting
def study_launch(request: UserHttpRequest, study: Study) -> str:
    launch_study(study, by=request.user)
    return "The study is open. Invite raters below."


@acting
def study_pause(request: UserHttpRequest, study: Study) -> str:
    pause_study(study, by=request.user)
    return "The study is paused: no more tasks are handed out."


@acting
def study_resume(request: UserHttpRequest, study: Study) -> str:
    resume_study(study, by=request.user)
    return "The study is open again."


@acting
def study_close(request: UserHttpRequest, study: Study) -> str:
    close_study(study, by=request.user)
    return "The study is closed. The leaderboard stays."


@acting
def study_invite(request: UserHttpRequest, study: Study) -> str:
    form = InviteForm(request.POST)
    if "count" in form.errors:
        raise InputRefused("that is no number of raters", expected=f"1 to {MAX_INVITES}")
    if not form.is_valid():
        raise InputRefused("that group's name is too long", expected=f"at most {MAX_GROUP}")
    raters = invite_raters(study, **form.cleaned_data, by=request.user)
    plural = "s" if len(raters) > 1 else ""
    return f"{len(raters)} rater{plural} invited. Send each one their own link."


@login_required
@require_POST
def study_delete(request: UserHttpRequest, slug: str) -> HttpResponse:
    study = own_study(request, slug)
    try:
        delete_draft(study)
    except EvalsiteError as error:
        messages.error(request, str(error))
        return redirect("annotation:study-detail", slug)
    return redirect("annotation:study-list")


@login_required
@require_POST
def rater_revoke(request: UserHttpRequest, slug: str, rater: int) -> HttpResponse:
    study = own_study(request, slug)
    found = get_object_or_404(study.raters, pk=rater)
    revoke_rater(found, by=request.user)
    messages.info(request, f"The link of {found} does not work any more.")
    return redirect("annotation:study-detail", slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rater_exclude(request: UserHttpRequest, slug: str, rater: int) -> HttpResponse:
    """Ask for the reason, then leave the rater's judgments out of the fit."""
    study = own_study(request, slug)
    found: Rater = get_object_or_404(study.raters, pk=rater)
    form = ExclusionForm(request.POST or None)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            exclude(rater=found, rule="by hand", reason=reason, by=request.user)
        except EvalsiteError as error:
            messages.error(request, str(error))
        else:
            messages.info(request, f"The judgments of {found} are left out from now on.")
        return redirect("annotation:study-detail", slug)
    context = {"study": study, "rater": found, "form": form}
    return render(request, "annotation/rater_exclude.html", context)


@login_required
@require_POST
def exclusion_lift(request: UserHttpRequest, slug: str, exclusion: int) -> HttpResponse:
    study = own_study(request, slug)
    lift_exclusion(get_object_or_404(study.exclusions, pk=exclusion), by=request.user)
    messages.info(request, "The exclusion is lifted: these judgments count again.")
    return redirect("annotation:study-detail", slug)
