"""The researcher's pages about raters: how they judge, what rules find, what is done about it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from annotation.audio_gate.outcomes import audio_rows
from annotation.models import Rater, Study
from annotation.quality.applying import Application, NewExclusion, apply_rules, preview_rules
from annotation.quality.assessment import Assessment, recent_assessment
from annotation.quality.tables import (
    SORTS,
    judgment_rows,
    longest_runs,
    ordered,
    rater_figures,
    rater_rows,
    shown_measures,
)
from annotation.study_forms import ApplyForm
from annotation.study_views import PAGE_SIZE, own_study
from evalsite.lib.exceptions import EvalsiteError
from evalsite.lib.http import UserHttpRequest, render_page

#: Runs are looked for in so many of a rater's newest judgments, and so many are listed.
MAX_LOOKED_AT, MAX_LISTED = 2000, 50


@login_required
@require_safe
def quality(request: UserHttpRequest, slug: str) -> HttpResponse:
    """Rules and raters as they are now; while the study is open the page asks again."""
    study = own_study(request, slug)
    if study.state == Study.State.DRAFT:
        return redirect("annotation:study-detail", slug)
    found = recent_assessment(study)
    sort = request.GET.get("sort", "")
    sort = sort if sort in SORTS else "name"
    page = Paginator(ordered(study, found, sort), PAGE_SIZE).get_page(request.GET.get("page"))
    measures = shown_measures(study, found)
    context = {
        "study": study,
        "found": found,
        "rules": _rules(study, found),
        "is_ruled": bool(found.rules),
        "measures": measures,
        "page": page,
        "rows": rater_rows(found, measures, page.object_list),
        "left_out": _left_out(study, [pk for pk, _ in page.object_list]),
        "sort": sort,
        "also": f"&sort={sort}",
        "address": request.path,
    }
    return render_page(
        request,
        "annotation/study_quality.html",
        context,
        fragment="annotation/_quality.html",
    )


def _left_out(study: Study, raters: list[int]) -> set[int]:
    whole = study.exclusions.in_force().filter(judgment=None, rater__in=raters)
    return set(whole.values_list("rater", flat=True))


def _rules(study: Study, found: Assessment) -> list[dict[str, Any]]:
    """Return the rules with what they do now, and how much of it is excluded, or was."""
    states = {state.name: state for state in found.rules}
    by_rule = study.exclusions.filter(by_rule=True).order_by().values("rule")
    counts = by_rule.annotate(standing=Count("pk", filter=Q(lifted_at=None)), all=Count("pk"))
    excluded = {row["rule"]: (row["standing"], row["all"] - row["standing"]) for row in counts}
    return [
        {
            "rule": rule,
            "state": states.get(rule.name),
            "excluded": excluded.get(rule.name, (0, 0))[0],
            "lifted": excluded.get(rule.name, (0, 0))[1],
        }
        for rule in study.rules.order_by(F("retired_at").asc(nulls_first=True), "pk")
    ]


@login_required
@require_safe
def rater_detail(request: UserHttpRequest, slug: str, rater: int) -> HttpResponse:
    """One rater: each measure beside the middle of all, runs, and the latest judgments."""
    study = own_study(request, slug)
    person: Rater = get_object_or_404(study.raters, pk=rater)
    found = recent_assessment(study)
    newest = person.judgments.current().order_by("-pk")
    looked_at = list(newest.only("verdict", "left", "score", "created_at")[:MAX_LOOKED_AT])
    latest = newest.select_related("task__prompt", "task__output_a", "task__output_b", "task__gold")
    context = {
        "study": study,
        "rater": person,
        "figures": [] if person.is_judge else rater_figures(study, found, person),
        "hit_by": found.hit_by.get(person.pk, []),
        "runs": longest_runs(reversed(looked_at)),
        "judgments": judgment_rows(_without_html(latest)[:MAX_LISTED]),
        "audio": audio_rows(person),
        "exclusions": person.exclusions.select_related("rater").order_by("-pk")[:MAX_LISTED],
        "exclusion_count": person.exclusions.count(),
    }
    return render(request, "annotation/rater_detail.html", context)


def _without_html(judgments: Any) -> Any:
    return judgments.defer(
        "task__prompt__text", "task__prompt__html", "task__output_a__html", "task__output_b__html"
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rules_apply(request: UserHttpRequest, slug: str) -> HttpResponse:
    """Show who would be excluded and why; the button does exactly that."""
    study = own_study(request, slug)
    if request.method == "POST":
        return _apply(request, study)
    form = ApplyForm(request.GET)
    shown = preview_rules(study, upto=form.cleaned_data["upto"] if form.is_valid() else None)
    groups = Paginator(_grouped(shown), PAGE_SIZE).get_page(request.GET.get("page"))
    names = dict(study.raters.values_list("pk", "name"))
    context = {
        "study": study,
        "shown": shown,
        "groups": groups,
        "rows": [_group_row(group, names) for group in groups],
        "rules": "-".join(str(pk) for pk in shown.rules),
        "also": f"&upto={shown.newest}",
    }
    return render(request, "annotation/rules_apply.html", context)


def _grouped(shown: Application) -> list[list[NewExclusion]]:
    """Put together what one rule finds in one rater."""
    rows = groupby(shown.new, key=lambda row: (row.rule, row.rater))
    return [list(group) for _, group in rows]


def _group_row(group: list[NewExclusion], names: dict[int, str]) -> dict[str, Any]:
    first = group[0]
    return {
        "rater": names[first.rater],
        "rater_pk": first.rater,
        "rule": first.rule,
        "judgments": None if first.judgment is None else len(group),
        "reason": first.reason,
    }


def _apply(request: UserHttpRequest, study: Study) -> HttpResponse:
    form = ApplyForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Look first at what the rules would exclude.")
        return redirect("annotation:rules-apply", study.slug)
    try:
        done = apply_rules(
            study,
            by=request.user,
            upto=form.cleaned_data["upto"],
            rules=form.cleaned_data["rules"],
        )
    except EvalsiteError as error:
        messages.error(request, str(error))
        return redirect("annotation:rules-apply", study.slug)
    messages.info(
        request,
        f"Excluded: {done.raters} raters, {done.judgments} single judgments. Each is listed with "
        "its reason.",
    )
    return redirect("annotation:study-quality", study.slug)
