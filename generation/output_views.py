"""One output with all that made it. For researchers: it names the system."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from evalsite.lib.http import UserHttpRequest
from generation.exceptions import MediaDamaged
from generation.media import read_media
from generation.media_responses import send_media
from generation.models import Media, Output


@login_required
@require_safe
def output_detail(request: UserHttpRequest, pk: int) -> HttpResponse:
    outputs = Output.objects.owned_by(request.user).select_related(
        "system", "prompt__prompt_set", "job", "media", "engine"
    )
    output = get_object_or_404(outputs, pk=pk)
    copies = output.media.served_copies.select_related("media") if output.media else []
    return render(request, "generation/output_detail.html", {"output": output, "copies": copies})


@login_required
@require_safe
def output_media(request: UserHttpRequest, pk: int) -> HttpResponseBase:
    """Send the file as it came; 404 also where it is not what was stored."""
    own = Output.objects.owned_by(request.user).filter(pk=pk)
    media = get_object_or_404(Media.objects.filter(outputs__in=own))
    try:
        read_media(media)
        return send_media(request, media)
    except MediaDamaged as error:
        raise Http404(str(error)) from None
