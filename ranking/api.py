"""The API of ranking: the report of now, and the leaderboards that were kept."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.exceptions import StudyNotLaunched
from annotation.models import Study
from evalsite.lib.rest import ClosedParameters, View, documented
from ranking.models import Leaderboard, Standing
from ranking.reports import build_report
from ranking.services import fit_leaderboard


class StandingSerializer(serializers.ModelSerializer[Standing]):
    system = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)

    class Meta:
        model = Standing
        fields = ["system", "rank", "rank_low", "rank_high", "value", "low", "high", "judgments"]


class LeaderboardSerializer(serializers.ModelSerializer[Leaderboard]):
    standings = StandingSerializer(many=True)

    class Meta:
        model = Leaderboard
        fields = ["id", "created_at", "judgment_count", "standings"]


class StudyReport(View):
    parameters = ()

    @documented("The study's report as it stands", answer=OpenApiTypes.OBJECT, also=(404, 409))
    def get(self, request: Request, slug: str) -> Response:
        studies = Study.objects.owned_by(request.user).select_related("prompt_set")
        study = get_object_or_404(studies, slug=slug)
        if study.state == Study.State.DRAFT:
            raise StudyNotLaunched
        return Response(build_report(study))


class Leaderboards(ClosedParameters, ListAPIView[Leaderboard]):
    serializer_class = LeaderboardSerializer

    def get_queryset(self) -> QuerySet[Leaderboard]:
        studies = Study.objects.owned_by(self.request.user)
        study = get_object_or_404(studies, slug=self.kwargs["slug"])
        return study.leaderboards.defer("report").prefetch_related("standings__system")

    @documented("List kept leaderboards", answer=LeaderboardSerializer(many=True), also=(404,))
    def get(self, request: Request, slug: str) -> Response:
        return self.list(request)

    @documented(
        "Fit and keep a leaderboard", answer=LeaderboardSerializer, status=201, also=(404, 409)
    )
    def post(self, request: Request, slug: str) -> Response:
        study = get_object_or_404(Study.objects.owned_by(request.user), slug=slug)
        kept = fit_leaderboard(study)
        return Response(LeaderboardSerializer(kept).data, status=201)
