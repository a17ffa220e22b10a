"""The researcher's pages for studies: set up, launch, watch, end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.audio_gate.outcomes import audio_outcomes
from annotation.gold import marks_of
from annotation.launch import launch_problems, launch_study
from annotation.models import Assignment, Rater, Study
from annotation.quality.assessment import alarms_of
from annotation.redaction import screen_outputs
from annotation.rounds import next_round_size
from annotation.self_naming import Naming, namings_in
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
from annotation.stretches import order_of, withdrawn_tasks
from annotation.study_forms import ExclusionForm, InviteForm, StudyForm
from annotation.study_media import media_warnings
from evalsite.lib.exceptions import EvalsiteError, InputRefused
from evalsite.lib.http import UserHttpRequest, render_page, wants_fragment
from generation.models import Prompt
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
        "audio": audio_outcomes(raters) if study.way.audio_gate else {},
        "marks": marks_of(raters) if study.way.check_count else {},
        "exclusions": study.exclusions.select_related("rater").order_by("-pk")[:PAGE_SIZE],
        "exclusion_count": study.exclusions.count(),
        "flags": _flags(study),
        "events": study.events.select_related("by").order_by("-pk")[:PAGE_SIZE],
        "invite_form": InviteForm(),
        "next_round": next_round_size(study),
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
    made = slots.filter(state=state.WITHDRAWN).count()
    never_made = withdrawn_tasks(study) * study.judgments_per_task
    to_come = study.design_count and study.tasks_to_come * study.judgments_per_task
    withdrawn = made + never_made
    return {
        "judged": judged,
        "target": study.slot_count + to_come - made,
        "waiting": slots.filter(state=state.WAITING).count(),
        "on_screens": slots.filter(state=state.CLAIMED, lease_until__gt=now()).count(),
        "withdrawn": withdrawn,
        "judgments": study.judgments.counted().current().count(),
    }


def _draft(request: UserHttpRequest, study: Study) -> HttpResponse:
    systems = list(study.systems.order_by("study_systems__position"))
    namings = list(namings_in(study, systems))
    naming = Counter(found.output.system_id for found in namings if found.is_read)
    context = {
        "study": study,
        "systems": systems,
        "problems": launch_problems(study),
        "rules": study.rules.in_force().order_by("pk"),
        "warnings": media_warnings(study),
        "outputs": [(facts, naming[facts.system.pk]) for facts in facts_of(study.outputs, systems)],
        "namings": _by_prompt(namings[:MAX_NAMINGS]),
        "left_out_unlisted": _unlisted(study, namings[:MAX_NAMINGS]),
        "namings_more": max(len(namings) - MAX_NAMINGS, 0),
        "words": sorted({word for naming in namings for word in naming.words} | {*study.redact}),
        "asked": _asked(study),
    }
    return render(request, "annotation/study_draft.html", context)


def _asked(study: Study) -> dict[str, int]:
    """Return how many tasks and judgments the draft will want."""
    pool = order_of(study).count
    tasks = min(pool, study.task_budget or pool)
    return {"tasks": tasks, "judgments": tasks * study.judgments_per_task}


def _by_prompt(namings: Sequence[Naming]) -> list[tuple[Prompt, list[Naming]]]:
    """Return the outputs that name a system by their prompt, which is left out as a whole."""
    return [
        (prompt, list(found))
        for prompt, found in groupby(namings, key=lambda naming: naming.output.prompt)
    ]


def _unlisted(study: Study, listed: Sequence[Naming]) -> list[str]:
    """Return the prompts that are left out already and have no row in the list."""
    return sorted({*study.left_out} - {naming.output.prompt.key for naming in listed})


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
def outputs_screen(request: UserHttpRequest, study: Study) -> str:
    screen_outputs(
        study,
        words=request.POST.getlist("word"),
        left_out=request.POST.getlist("prompt"),
        by=request.user,
    )
    hidden = f"Hidden from raters: {', '.join(study.redact)}." if study.redact else ""
    gone = f"Left out: {', '.join(study.left_out)}." if study.left_out else ""
    return f"{hidden} {gone}".strip() or "Nothing is hidden, and nothing left out."


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
