from __future__ import annotations

from django.urls import include, path

from evalsite import views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("evalsite.accounts.urls")),
    path("", include("generation.urls")),
    path("", include("annotation.urls")),
    path("", include("ranking.urls")),
    path("api/v1/", include("evalsite.api_urls")),
    path("healthz", views.healthz, name="healthz"),
]

handler400 = "evalsite.errors.bad_request"
handler404 = "evalsite.errors.not_found"
handler500 = "evalsite.errors.server_error"
