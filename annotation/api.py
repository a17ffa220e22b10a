"""The API of annotation: studies, and their judgments as a stream."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.exchange import export_columns, export_records
from annotation.launch import launch_study
from annotation.models import Study
from annotation.serializers import StudyBody, StudySerializer
from annotation.services import create_study
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.rest import ClosedParameters, View, checked, documented
from evalsite.lib.tabular import csv_lines, json_lines
from generation.models import PromptSet, System

STREAMS: dict[str, tuple[Any, str]] = {
    "jsonl": (json_lines, "application/x-ndjson"),
    "csv": (csv_lines, "text/csv"),
}


def own_studies(request: Request) -> QuerySet[Study]:
    studies = Study.objects.owned_by(request.user).with_progress()
    return studies.select_related("prompt_set").prefetch_related("systems")


class Studies(ClosedParameters, ListAPIView[Study]):
    serializer_class = StudySerializer

    def get_queryset(self) -> QuerySet[Study]:
        return own_studies(self.request)

    @documented("List your studies", answer=StudySerializer(many=True), also=(404,))
    def get(self, request: Request) -> Response:
        return self.list(request)

    @documented(
        "Make a draft of a study", answer=StudySerializer, status=201, body=StudyBody, also=(404,)
    )
    def post(self, request: Request) -> Response:
        data = checked(StudyBody, request)
        owned = System.objects.owned_by(request.user)
        systems = {system.slug: system for system in owned.filter(slug__in=data["systems"])}
        if missing := [slug for slug in data["systems"] if slug not in systems]:
            raise InputRefused(f"unknown system {missing[0]!r}", expected="slugs of your systems")
        prompt_sets = PromptSet.objects.owned_by(request.user)
        study = create_study(
            owner=request.user,  # type: ignore[arg-type]
            systems=[systems[slug] for slug in data.pop("systems")],
            prompt_set=get_object_or_404(prompt_sets, slug=data.pop("prompt_set")),
            **data,
        )
        return Response(_shown(request, study), status=201)


def _shown(request: Request, study: Study) -> Any:
    return StudySerializer(own_studies(request).get(pk=study.pk)).data


class StudyDetail(ClosedParameters, RetrieveAPIView[Study]):
    serializer_class = StudySerializer
    lookup_field = "slug"
    parameters = ()

    def get_queryset(self) -> QuerySet[Study]:
        return own_studies(self.request)

    @documented("Show a study", answer=StudySerializer, also=(404,))
    def get(self, request: Request, slug: str) -> Response:
        return self.retrieve(request)


class StudyLaunch(View):
    parameters = ()

    @documented("Launch a draft: freeze and open it", answer=StudySerializer, also=(404, 409))
    def post(self, request: Request, slug: str) -> Response:
        study = get_object_or_404(Study.objects.owned_by(request.user), slug=slug)
        launch_study(study, by=request.user)  # type: ignore[arg-type]
        return Response(_shown(request, study))


class StudyJudgments(View):
    parameters = ("form",)

    @documented(
        "Stream a study's judgments",
        answer=None,
        also=(404,),
        parameters={"form": "jsonl (default) or csv"},
        streams={kind: OpenApiTypes.STR for _, kind in STREAMS.values()},
    )
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        study = get_object_or_404(Study.objects.owned_by(request.user), slug=slug)
        form = request.query_params.get("form", "jsonl")
        if form not in STREAMS:
            raise ValidationError({"form": ["One of " + ", ".join(STREAMS) + "."]})
        lines, kind = STREAMS[form]
        text = lines(export_columns(study), export_records(study))
        return StreamingHttpResponse(text, content_type=kind)
