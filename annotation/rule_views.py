"""The researcher's pages for a study's rules: add them, take one of a draft back, retire one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from annotation.models import Study
from annotation.quality.assessment import would_hit
from annotation.quality.declaring import drop_rule, retire_rule
from annotation.quality.reading import offers
from annotation.quality.rule_sets import RULE_SETS
from annotation.rule_forms import SET_TITLES, RuleForm, RuleSetForm
from annotation.study_forms import ExclusionForm
from annotation.study_views import own_study
from evalsite.lib.exceptions import EvalsiteError
from evalsite.lib.http import UserHttpRequest, wants_fragment


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rules_add(request: UserHttpRequest, slug: str) -> HttpResponse:
    """A rule of one's own, or a ready-made set; htmx posts a rule and gets back what it would do.

    Both are declared as a file's would be.
    """
    study = own_study(request, slug)
    own, sets = RuleForm(study=study), _sets(study)
    if request.method == "POST":
        chosen = next((form for name, form in sets if name in request.POST), None)
        if chosen is None:
            if wants_fragment(request):
                return render(request, "annotation/_rule_effect.html", _effect(request, study))
            own = RuleForm(request.POST, study=study)
        else:
            chosen = RuleSetForm(request.POST, study=study, prefix=chosen.prefix)
            sets = [(n, chosen if n == chosen.prefix else form) for n, form in sets]
        if _is_declared(request, chosen or own):
            return redirect(_home(study), slug)
    taken = set(study.rules.values_list("name", flat=True))
    context = {
        "study": study,
        "form": own,
        "sets": [_set_row(study, name, form, taken) for name, form in sets],
        "effect": None,
    }
    return render(request, "annotation/rules_add.html", context)


def _home(study: Study) -> str:
    is_draft = study.state == Study.State.DRAFT
    return "annotation:study-detail" if is_draft else "annotation:study-quality"


def _sets(study: Study) -> list[tuple[str, RuleSetForm]]:
    """Return a form for each set that the study's protocol offers something to measure for."""
    offered = offers(study)
    return [
        (name, RuleSetForm(study=study, prefix=name, initial={"set": name}))
        for name, (needs, _) in RULE_SETS.items()
        if needs in offered
    ]


def _set_row(study: Study, name: str, form: RuleSetForm, taken: set[str]) -> dict[str, Any]:
    rules = RULE_SETS[name][1](offers(study))
    return {
        "name": name,
        "title": SET_TITLES[name],
        "rules": rules,
        "form": form,
        "is_declared": any(rule.name in taken for rule in rules),
    }


def _effect(request: UserHttpRequest, study: Study) -> dict[str, Any]:
    """Return what the rule says, and whom it would hit now; nothing while it is not complete."""
    given = request.POST.copy()
    given["name"] = given.get("name") or "this rule"
    form = RuleForm(given, study=study)
    form.full_clean()
    rule = form.rules[0] if form.rules else None
    state = would_hit(study, rule) if rule and study.state != Study.State.DRAFT else None
    return {"study": study, "rule": rule, "state": state}


def _is_declared(request: UserHttpRequest, form: RuleForm | RuleSetForm) -> bool:
    if not form.is_valid():
        return False
    try:
        form.declare(request)
    except EvalsiteError as error:
        form.add_error(None, str(error))
        return False
    plural = "s" if len(form.rules) > 1 else ""
    messages.info(
        request, f"{len(form.rules)} rule{plural} added. Nothing is left out before you say so."
    )
    return True


@login_required
@require_POST
def rule_drop(request: UserHttpRequest, slug: str, rule: int) -> HttpResponse:
    """Take a rule of a draft back."""
    study = own_study(request, slug)
    try:
        drop_rule(get_object_or_404(study.rules, pk=rule))
    except EvalsiteError as error:
        messages.error(request, str(error))
    return redirect("annotation:study-detail", slug)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule_retire(request: UserHttpRequest, slug: str, rule: int) -> HttpResponse:
    """Ask for the reason, then apply the rule no more and lift what it excluded."""
    study = own_study(request, slug)
    found = get_object_or_404(study.rules.in_force(), pk=rule)
    form = ExclusionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            lifted = retire_rule(found, reason=form.cleaned_data["reason"], by=request.user)
        except EvalsiteError as error:
            messages.error(request, str(error))
        else:
            messages.info(request, f"The rule is retired; exclusions lifted: {lifted}.")
        return redirect("annotation:study-quality", slug)
    excluded = study.exclusions.in_force().filter(by_rule=True, rule=found.name).count()
    context = {"study": study, "rule": found, "form": form, "excluded": excluded}
    return render(request, "annotation/rule_retire.html", context)
