from __future__ import annotations

from django.urls import include, path

from annotation import quality_views, recruiting_views, rule_views
from annotation import study_views as views

# /studies/<slug>/
study_urls = [
    path("", views.study_detail, name="study-detail"),
    path("screen/", views.outputs_screen, name="outputs-screen"),
    path("launch/", views.study_launch, name="study-launch"),
    path("pause/", views.study_pause, name="study-pause"),
    path("resume/", views.study_resume, name="study-resume"),
    path("close/", views.study_close, name="study-close"),
    path("delete/", views.study_delete, name="study-delete"),
    path("invite/", views.study_invite, name="study-invite"),
    path("recruiting/", recruiting_views.recruiting, name="study-recruiting"),
    path("codes/", recruiting_views.codes_set, name="codes-set"),
    path("payments.csv", recruiting_views.payments, name="study-payments"),
    path("links/", recruiting_views.link_make, name="link-make"),
    path("links/<int:link>/close/", recruiting_views.link_close, name="link-close"),
    path("quality/", quality_views.quality, name="study-quality"),
    path("rules/apply/", quality_views.rules_apply, name="rules-apply"),
    path("rules/add/", rule_views.rules_add, name="rules-add"),
    path("rules/<int:rule>/drop/", rule_views.rule_drop, name="rule-drop"),
    path("rules/<int:rule>/retire/", rule_views.rule_retire, name="rule-retire"),
    path("raters/<int:rater>/", quality_views.rater_detail, name="rater-detail"),
    path("raters/<int:rater>/revoke/", views.rater_revoke, name="rater-revoke"),
    path("raters/<int:rater>/exclude/", views.rater_exclude, name="rater-exclude"),
    path("exclusions/<int:exclusion>/lift/", views.exclusion_lift, name="exclusion-lift"),
]

urlpatterns = [
    path("studies/", views.study_list, name="study-list"),
    path("studies/new/", views.study_create, name="study-create"),
    path("studies/<slug:slug>/", include(study_urls)),
]
