from __future__ import annotations

from django.urls import include, path

from annotation import rate_audio_views, rate_end_views, rate_media_views, rate_practice_views
from annotation import rate_views as views
from annotation.rate_join_views import join_page

# /rate/<public_id>/
study_urls = [
    path("", views.home, name="rate-home"),
    path("consent/", views.consent, name="rate-consent"),
    path("instructions/", views.instructions, name="rate-instructions"),
    path("audio/", rate_audio_views.audio, name="rate-audio"),
    path("audio/volume/", rate_audio_views.volume, name="rate-volume"),
    path("audio/sound/<str:sound>/", rate_audio_views.sound, name="rate-sound"),
    path("training/", rate_practice_views.training, name="rate-training"),
    path("qualification/", rate_practice_views.qualification, name="rate-qualification"),
    path("judge/", views.judge, name="rate-judge"),
    path("undo/", views.undo, name="rate-undo"),
    path("keep/", views.keep, name="rate-keep"),
    path("skip/", views.skip, name="rate-skip"),
    path("flag/", views.flag, name="rate-flag"),
    path("pause/", views.pause, name="rate-pause"),
    path("survey/", rate_end_views.survey, name="rate-survey"),
    path("done/", rate_end_views.done, name="rate-done"),
    path("ahead/", rate_media_views.ahead, name="rate-ahead"),
    path("media/<uuid:token>/<str:place>/", rate_media_views.rate_media, name="rate-media"),
    # Below the study, so that the browser sends the study's cookie along.
    path("join/<str:token>/", join_page, name="rate-join"),
]

urlpatterns = [
    path("r/<str:token>/", views.enter, name="rate-enter"),
    path("rate/<str:public_id>/", include(study_urls)),
]
