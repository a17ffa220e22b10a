"""The leaderboard, live and kept; its exports; benchmark runs."""

from __future__ import annotations

from time import time
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import Study
from evalsite.lib.exceptions import EvalsiteError, InputRefused
from evalsite.lib.http import UserHttpRequest, render_page
from evalsite.lib.text import sha256
from ranking.forms import BenchmarkForm, ReportForm, RoundForm
from ranking.models import BenchmarkRun, Leaderboard, Score
from ranking.reports import Options, build_report, without_names
from ranking.reports.figures import figures
from ranking.reports.formats import FORMATS
from ranking.rollups import newest as newest_judgment
from ranking.services import (
    ask_next_pairs,
    fit_leaderboard,
    import_benchmark_file,
    share_leaderboard,
    unshare_leaderboard,
)

PAGE_SIZE = 50
CACHE_SECONDS = 3600
#: A report that took longer to make is shown for so many times as long.
LONG_SECONDS = 0.5
SHOWN_FOR = 20


def _own_study(request: UserHttpRequest, slug: str) -> Study:
    studies = Study.objects.owned_by(request.user).select_related("prompt_set").defer("plan")
    return get_object_or_404(studies, slug=slug)


def _current_report(study: Study, options: Options) -> dict[str, Any]:
    """Return the report of now: from the cache while nothing it rests on has changed.

    One that took long is shown for a while longer, so that a large live study is not fitted anew
    for each judgment; the page says when it was made.
    """
    key = "report:" + sha256(repr((study.pk, options)))
    # Tasks that a round adds change what earlier judgments weigh.
    mark = [study.state, study.task_count, *_watermark(study)]
    cached = cache.get(key)
    if cached and (cached["mark"] == mark or time() < cached["fresh_until"]):
        report: dict[str, Any] = cached["report"]
        return report
    start = time()
    report = build_report(study, options)
    took = time() - start
    fresh_until = start + took * SHOWN_FOR if took > LONG_SECONDS else 0.0
    cache.set(key, {"mark": mark, "report": report, "fresh_until": fresh_until}, CACHE_SECONDS)
    return report


def _watermark(study: Study) -> list[Any]:
    """Return what changes when the report does: rows are only added, exclusions also lifted."""
    lifted = study.exclusions.exclude(lifted_at=None).count()
    runs = Score.objects.filter(benchmark_run__system__in=study.systems.all())
    withdrawn = study.study_systems.exclude(withdrawn_at=None).count()
    highest = [rows.aggregate(n=Max("pk"))["n"] for rows in (study.exclusions, runs)]
    return [*newest_judgment(study), lifted, withdrawn, *highest]


@login_required
@require_safe
def leaderboard(request: UserHttpRequest, slug: str) -> HttpResponse:
    """The fit of now; while the study is open the page asks for its part again."""
    study = _own_study(request, slug)
    if study.state == Study.State.DRAFT:
        return redirect("annotation:study-detail", slug)
    form = ReportForm(request.GET, study=study)
    report = _current_report(study, form.options())
    context = {
        "study": study,
        "report": report,
        "figures": figures(report),
        "form": form,
        "has_options": bool(request.GET or report["counts"]["judgments"]),
        "query": request.GET.urlencode(),
        "kept": study.leaderboards.defer("report")[:PAGE_SIZE],
        "is_live": study.state == Study.State.OPEN,
    }
    return render_page(
        request, "ranking/leaderboard.html", context, fragment="ranking/_report.html"
    )


@login_required
@require_POST
def tasks_add(request: UserHttpRequest, slug: str) -> HttpResponse:
    """Ask the next round of an adaptive study."""
    study = _own_study(request, slug)
    form = RoundForm(request.POST)
    try:
        if not form.is_valid():
            raise InputRefused("that is no number of tasks", expected="1 or more")
        added = ask_next_pairs(study, count=form.cleaned_data["count"], by=request.user)
    except EvalsiteError as error:
        messages.error(request, str(error))
    else:
        messages.info(request, f"{added} task{'s' if added > 1 else ''} added.")
    return redirect("annotation:study-detail", slug)


@login_required
@require_POST
def leaderboard_keep(request: UserHttpRequest, slug: str) -> HttpResponse:
    """Fit and keep: a dated leaderboard that later judgments do not change."""
    study = _own_study(request, slug)
    try:
        kept = fit_leaderboard(study, ReportForm(request.GET, study=study).options())
    except EvalsiteError as error:
        messages.error(request, str(error))
        return redirect("ranking:leaderboard", slug)
    return redirect("ranking:leaderboard-detail", slug, kept.pk)


def _own_leaderboard(request: UserHttpRequest, slug: str, pk: int) -> Leaderboard:
    kept: Leaderboard = get_object_or_404(_own_study(request, slug).leaderboards, pk=pk)
    return kept


@login_required
@require_safe
def leaderboard_detail(request: UserHttpRequest, slug: str, pk: int) -> HttpResponse:
    kept = _own_leaderboard(request, slug, pk)
    context = {
        "study": kept.study,
        "report": kept.report,
        "figures": figures(kept.report),
        "leaderboard": kept,
        "share_url": kept.share_path and request.build_absolute_uri(kept.share_path),
    }
    return render(request, "ranking/leaderboard_detail.html", context)


@login_required
@require_POST
def leaderboard_share(request: UserHttpRequest, slug: str, pk: int) -> HttpResponse:
    share_leaderboard(_own_leaderboard(request, slug, pk))
    return redirect("ranking:leaderboard-detail", slug, pk)


@login_required
@require_POST
def leaderboard_unshare(request: UserHttpRequest, slug: str, pk: int) -> HttpResponse:
    unshare_leaderboard(_own_leaderboard(request, slug, pk))
    return redirect("ranking:leaderboard-detail", slug, pk)


def _shared(token: str) -> Leaderboard:
    return get_object_or_404(Leaderboard.objects.exclude(share_token=""), share_token=token)


@never_cache
@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """A kept leaderboard for whoever has its link: no account, no names of raters."""
    report = without_names(_shared(token).report)
    context = {"report": report, "figures": figures(report), "token": token, "is_public": True}
    response = render(request, "ranking/shared.html", context)
    response["X-Robots-Tag"] = "noindex"
    return response


@never_cache
@require_safe
def shared_export(request: HttpRequest, token: str, format: str) -> HttpResponse:
    report = without_names(_shared(token).report)
    return _as_file(report, format, name=f"{report['study']}-report")


@login_required
@require_safe
def export(request: UserHttpRequest, slug: str, format: str) -> HttpResponse:
    study = _own_study(request, slug)
    if study.state == Study.State.DRAFT:
        raise Http404
    options = ReportForm(request.GET, study=study).options()
    return _as_file(_current_report(study, options), format, name=f"{slug}-report")


def _as_file(report: dict[str, Any], format: str, *, name: str) -> HttpResponse:
    if format not in FORMATS:
        raise Http404
    chosen = FORMATS[format]
    response = HttpResponse(chosen.render(report), content_type=chosen.content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{format}"'
    return response


@login_required
@require_safe
def benchmark_list(request: UserHttpRequest) -> HttpResponse:
    return _benchmarks(request, BenchmarkForm(owner=request.user))


@login_required
@require_http_methods(["POST"])
def benchmark_import(request: UserHttpRequest) -> HttpResponse:
    form = BenchmarkForm(request.POST, request.FILES, owner=request.user)
    if form.is_valid():
        data = form.cleaned_data
        try:
            runs = import_benchmark_file(
                owner=request.user,
                name=data["file"].name,
                content=data["file"].read(),
                system=data["system"],
                harness_version=data["harness_version"],
            )
        except EvalsiteError as error:
            form.add_error("file", str(error))
        else:
            messages.info(request, f"{len(runs)} benchmark runs are stored.")
            return redirect("ranking:benchmark-list")
    return _benchmarks(request, form)


def _benchmarks(request: UserHttpRequest, form: BenchmarkForm) -> HttpResponse:
    runs = (
        BenchmarkRun.objects.owned_by(request.user)
        .select_related("benchmark", "system")
        .prefetch_related("scores")
    )
    page = Paginator(runs, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "ranking/benchmark_list.html", {"runs": page, "form": form})
