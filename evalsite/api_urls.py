from __future__ import annotations

from django.urls import path

from evalsite.views import healthz

app_name = "api"
urlpatterns = [path("docs/", healthz, name="docs")]
