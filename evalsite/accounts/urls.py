from __future__ import annotations

from django.urls import path

from evalsite.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("link/<str:token>/", views.login_link, name="login-link"),
    path("tokens/", views.api_tokens, name="api-tokens"),
    path("tokens/<slug:digest>/revoke/", views.revoke_api_token, name="api-token-revoke"),
]
