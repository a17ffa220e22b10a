"""One output with all that made it. For researchers: it names the system."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from evalsite.lib.http import UserHttpRequest
from generation.exceptions import MediaDamaged
from generation.media import read_media
from generation.models import Media, Output


@login_required
@require_safe
def output_detail(request: UserHttpRequest, pk: int) -> HttpResponse:
    outputs = Output.objects.owned_by(request.user).select_related(
        "system", "prompt__prompt_set", "job", "media", "engine"
    )
    output = get_object_or_404(outputs, pk=pk)
    return render(request, "generation/output_detail.html", {"output": output})


@login_required
@require_safe
def output_media(request: UserHttpRequest, pk: int) -> HttpResponse:
    """Send the sound; 404 also where its file is not what was stored."""
    own = Output.objects.owned_by(request.user).filter(pk=pk)
    media = get_object_or_404(Media.objects.filter(outputs__in=own))
    try:
        content = read_media(media)
    except MediaDamaged as error:
        raise Http404(str(error)) from None
    response = HttpResponse(content, content_type=media.mime)
    response["Cache-Control"] = "private, max-age=3600"
    return response
