from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularJSONAPIView

from annotation import api as annotation
from evalsite import api
from generation import api as generation
from ranking import api as ranking

app_name = "api"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="api:docs")),
    path("docs/", api.docs, name="docs"),
    path("schema/", SpectacularJSONAPIView.as_view(), name="schema"),
    path("systems/", generation.Systems.as_view()),
    path("systems/<str:slug>/", generation.SystemDetail.as_view()),
    path("prompt-sets/", generation.PromptSets.as_view()),
    path("prompt-sets/<str:slug>/", generation.PromptSetDetail.as_view()),
    path("prompt-sets/<str:slug>/prompts/", generation.Prompts.as_view()),
    path("outputs/", generation.Outputs.as_view()),
    path("jobs/", generation.Jobs.as_view()),
    path("jobs/<int:pk>/", generation.JobDetail.as_view()),
    path("studies/", annotation.Studies.as_view()),
    path("studies/<str:slug>/", annotation.StudyDetail.as_view()),
    path("studies/<str:slug>/launch/", annotation.StudyLaunch.as_view()),
    path("studies/<str:slug>/judgments/", annotation.StudyJudgments.as_view()),
    path("studies/<str:slug>/report/", ranking.StudyReport.as_view()),
    path("studies/<str:slug>/leaderboards/", ranking.Leaderboards.as_view()),
]
