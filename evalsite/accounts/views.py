"""Signing in, one-time links, and tokens for the API."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from knox.models import AuthToken

from evalsite.accounts.forms import SignInForm
from evalsite.accounts.services import usable_link, use_login_link
from evalsite.lib.http import UserHttpRequest

sign_in = LoginView.as_view(
    template_name="accounts/sign_in.html",
    authentication_form=SignInForm,
    redirect_authenticated_user=True,
)
sign_out = LogoutView.as_view()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login_link(request: HttpRequest, token: str) -> HttpResponse:
    """A one-time link. Only the POST uses it up: mail programs open links by themselves."""
    if request.method == "POST":
        if user := use_login_link(token):
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect("home")
        return render(request, "accounts/login_link.html", status=403)
    link = usable_link(token)
    return render(request, "accounts/login_link.html", {"link": link}, status=200 if link else 403)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def api_tokens(request: UserHttpRequest) -> HttpResponse:
    """List the user's tokens; a POST makes one, whose text is shown this once."""
    context: dict[str, object] = {}
    if request.method == "POST":
        _, context["new_token"] = AuthToken.objects.create(user=request.user)
    context["tokens"] = AuthToken.objects.filter(user=request.user).order_by("-created")
    return render(request, "accounts/api_tokens.html", context)


@login_required
@require_POST
def revoke_api_token(request: UserHttpRequest, digest: str) -> HttpResponse:
    get_object_or_404(AuthToken, user=request.user, digest=digest).delete()
    messages.info(request, "The token does not work any more.")
    return redirect("accounts:api-tokens")
