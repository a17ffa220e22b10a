"""After the judging: the survey, and the last page with what the rater needs to be paid."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from annotation.endings import blind_end
from annotation.gold import quota_shown
from annotation.models import Rater
from annotation.rate_access import RaterHttpRequest
from annotation.rate_forms import SurveyForm
from annotation.rate_pages import at_step, go_home, rater_page, turn_page
from annotation.steps import DONE, SURVEY
from annotation.survey import answer_survey, questions_of


@require_http_methods(["GET", "HEAD", "POST"])
@at_step(SURVEY.name)
def survey(request: RaterHttpRequest) -> HttpResponse:
    questions = questions_of(request.rater.study)
    form = SurveyForm(request.POST or None, questions=questions)
    if request.method == "POST" and form.is_valid():
        answer_survey(request.rater, form.answers())
        return go_home(request)
    return rater_page(request, "survey", form=form)


@require_safe
@at_step(DONE.name)
def done(request: RaterHttpRequest) -> HttpResponse:
    return end_page(request)


def end_page(request: RaterHttpRequest) -> HttpResponse:
    """Show the end. All is stored by now, so the way back to a platform may be offered."""
    rater = request.rater
    judged = rater.assignments.of_judging().judged().count()
    is_out = rater.outcome == Rater.Outcome.SCREENED_OUT
    return turn_page(
        request,
        "done",
        judged=judged,
        quota=0 if is_out or rater.is_filled_up else quota_shown(rater),
        end=blind_end(rater),
    )
