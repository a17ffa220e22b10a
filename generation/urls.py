from __future__ import annotations

from django.urls import include, path

from generation import output_views, views

app_name = "generation"

# /prompt-sets/<slug>/
prompt_set_urls = [
    path("", views.prompt_set_detail, name="prompt-set-detail"),
    path("queue/", views.prompt_set_queue, name="prompt-set-queue"),
    path("upload/", views.prompt_set_upload, name="prompt-set-upload"),
    path("outputs/", views.output_list, name="output-list"),
]

# /jobs/<pk>/
job_urls = [
    path("", views.job_detail, name="job-detail"),
    path("cancel/", views.job_cancel, name="job-cancel"),
    path("retry/", views.job_retry, name="job-retry"),
]

urlpatterns = [
    path("systems/", views.system_list, name="system-list"),
    path("systems/new/", views.system_create, name="system-create"),
    path("systems/<slug:slug>/", views.system_detail, name="system-detail"),
    path("prompt-sets/", views.prompt_set_list, name="prompt-set-list"),
    path("prompt-sets/new/", views.prompt_set_create, name="prompt-set-create"),
    path("prompt-sets/<slug:slug>/", include(prompt_set_urls)),
    path("outputs/<int:pk>/", output_views.output_detail, name="output-detail"),
    path("outputs/<int:pk>/media/", output_views.output_media, name="output-media"),
    path("jobs/", views.job_list, name="job-list"),
    path("jobs/<int:pk>/", include(job_urls)),
]
