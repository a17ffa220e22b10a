"""The researcher's page about how raters come and are paid: open links, codes, payments."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from annotation.endings import set_codes
from annotation.joining import close_link, open_link
from annotation.models import OpenLink, Study, Way
from annotation.payments import COLUMNS, payment_records
from annotation.platforms import link_path
from annotation.study_forms import CodesForm, OpenLinkForm
from annotation.study_views import own_study
from evalsite.lib.exceptions import EvalsiteError
from evalsite.lib.http import UserHttpRequest
from evalsite.lib.tabular import csv_lines

#: The newest are shown.
MAX_SHOWN = 100


@login_required
@require_safe
def recruiting(request: UserHttpRequest, slug: str) -> HttpResponse:
    return _recruiting(request, own_study(request, slug))


def _recruiting(
    request: UserHttpRequest, study: Study, codes_form: CodesForm | None = None
) -> HttpResponse:
    links = study.open_links.order_by("-pk")[:MAX_SHOWN]
    refused = study.arrivals.filter(refused__gt=0).select_related("rater")
    context = {
        "study": study,
        "links": [_link_facts(request, link) for link in links],
        "refused": refused.order_by("-refused_at")[:MAX_SHOWN],
        "link_form": OpenLinkForm(),
        "codes_form": codes_form or CodesForm(initial=_codes(study.way)),
    }
    return render(request, "annotation/study_recruiting.html", context)


def _codes(way: Way) -> dict[str, str]:
    return {name: getattr(way, name) for name in CodesForm.base_fields}


def _link_facts(request: UserHttpRequest, link: OpenLink) -> dict[str, Any]:
    is_full = link.opened >= link.cap
    return {
        "link": link,
        # Not build_absolute_uri, which would quote the platform's placeholders.
        "address": f"{request.scheme}://{request.get_host()}{link_path(link)}",
        "state": "closed" if link.closed_at else "full" if is_full else "open",
    }


@login_required
@require_POST
def link_make(request: UserHttpRequest, slug: str) -> HttpResponse:
    study = own_study(request, slug)
    form = OpenLinkForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The link needs a number of raters, 1 or more, and a short group.")
        return redirect("annotation:study-recruiting", slug)
    try:
        open_link(study, by=request.user, **form.cleaned_data)
    except EvalsiteError as error:
        messages.error(request, str(error))
    else:
        messages.info(request, "The link is made. Whoever opens it can take part, up to its cap.")
    return redirect("annotation:study-recruiting", slug)


@login_required
@require_POST
def link_close(request: UserHttpRequest, slug: str, link: int) -> HttpResponse:
    study = own_study(request, slug)
    close_link(get_object_or_404(study.open_links, pk=link), by=request.user)
    messages.info(request, "The link admits nobody more. Who has come goes on.")
    return redirect("annotation:study-recruiting", slug)


@login_required
@require_POST
def codes_set(request: UserHttpRequest, slug: str) -> HttpResponse:
    study = own_study(request, slug)
    form = CodesForm(request.POST)
    if form.is_valid():
        try:
            set_codes(study, by=request.user, **form.cleaned_data)
        except EvalsiteError as error:
            form.add_error("return_url", str(error))
        else:
            messages.info(request, "The codes are set. The last page shows them from now on.")
            return redirect("annotation:study-recruiting", slug)
    return _recruiting(request, study, form)


@login_required
@require_safe
def payments(request: UserHttpRequest, slug: str) -> StreamingHttpResponse:
    """Stream who is owed what, as CSV."""
    study = own_study(request, slug)
    response = StreamingHttpResponse(
        csv_lines(COLUMNS, payment_records(study)), content_type="text/csv"
    )
    response["Content-Disposition"] = f'attachment; filename="payments-{study.slug}.csv"'
    return response
