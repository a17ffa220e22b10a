"""The API of generation: systems, prompt sets, outputs, jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from evalsite.lib.rest import ClosedParameters, checked, documented
from evalsite.lib.tabular import Row
from generation.models import Job, Output, Prompt, PromptSet, System
from generation.serializers import (
    JobBody,
    JobSerializer,
    OutputsBody,
    OutputSerializer,
    PromptSerializer,
    PromptSetBody,
    PromptSetSerializer,
    SystemBody,
    SystemSerializer,
)
from generation.services import (
    create_prompt_set,
    create_system,
    import_outputs,
    queue_generation,
)


def _rows(records: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """Give the services the same rows as a file would; the line is the place in the list."""
    for number, record in enumerate(records, start=1):
        yield Row(file="", line=number, values=dict(record))


class Systems(ClosedParameters, ListAPIView[System]):
    serializer_class = SystemSerializer

    def get_queryset(self) -> QuerySet[System]:
        return System.objects.owned_by(self.request.user)

    @documented("List your systems", answer=SystemSerializer(many=True), also=(404,))
    def get(self, request: Request) -> Response:
        return self.list(request)

    @documented("Make a system", answer=SystemSerializer, status=201, body=SystemBody, also=(409,))
    def post(self, request: Request) -> Response:
        system = create_system(owner=request.user, **checked(SystemBody, request))  # type: ignore[arg-type]
        return Response(SystemSerializer(system).data, status=201)


class SystemDetail(ClosedParameters, RetrieveAPIView[System]):
    serializer_class = SystemSerializer
    lookup_field = "slug"
    parameters = ()

    def get_queryset(self) -> QuerySet[System]:
        return System.objects.owned_by(self.request.user)

    @documented("Show a system", answer=SystemSerializer, also=(404,))
    def get(self, request: Request, slug: str) -> Response:
        return self.retrieve(request)


class PromptSets(ClosedParameters, ListAPIView[PromptSet]):
    serializer_class = PromptSetSerializer

    def get_queryset(self) -> QuerySet[PromptSet]:
        return PromptSet.objects.owned_by(self.request.user).with_sizes()

    @documented("List your prompt sets", answer=PromptSetSerializer(many=True), also=(404,))
    def get(self, request: Request) -> Response:
        return self.list(request)

    @documented("Make a prompt set", answer=PromptSetSerializer, status=201, body=PromptSetBody)
    def post(self, request: Request) -> Response:
        data = checked(PromptSetBody, request)
        made = create_prompt_set(
            owner=request.user,  # type: ignore[arg-type]
            rows=_rows(data.pop("prompts")),
            **data,
        )
        row = self.get_queryset().get(pk=made.pk)
        return Response(PromptSetSerializer(row).data, status=201)


class PromptSetDetail(ClosedParameters, RetrieveAPIView[PromptSet]):
    serializer_class = PromptSetSerializer
    lookup_field = "slug"
    parameters = ()

    def get_queryset(self) -> QuerySet[PromptSet]:
        return PromptSet.objects.owned_by(self.request.user).with_sizes()

    @documented("Show a prompt set", answer=PromptSetSerializer, also=(404,))
    def get(self, request: Request, slug: str) -> Response:
        return self.retrieve(request)


class Prompts(ClosedParameters, ListAPIView[Prompt]):
    serializer_class = PromptSerializer

    def get_queryset(self) -> QuerySet[Prompt]:
        owned = PromptSet.objects.owned_by(self.request.user)
        return get_object_or_404(owned, slug=self.kwargs["slug"]).prompts.order_by("pk")

    @documented("List a prompt set's prompts", answer=PromptSerializer(many=True), also=(404,))
    def get(self, request: Request, slug: str) -> Response:
        return self.list(request)


class Outputs(ClosedParameters, ListAPIView[Output]):
    serializer_class = OutputSerializer
    parameters = ("cursor", "system", "prompt_set", "state")

    def get_queryset(self) -> QuerySet[Output]:
        rows = Output.objects.owned_by(self.request.user).select_related(
            "system", "prompt__prompt_set"
        )
        given = self.request.query_params
        if (state := given.get("state")) is not None and state not in Output.State.values:
            raise ValidationError({"state": ["One of " + ", ".join(Output.State.values) + "."]})
        closed = {
            "system": "system__slug",
            "prompt_set": "prompt__prompt_set__slug",
            "state": "state",
        }
        return rows.filter(**{closed[name]: given[name] for name in closed if name in given})

    @documented(
        "List outputs of your systems",
        answer=OutputSerializer(many=True),
        also=(404,),
        parameters={
            "system": "slug",
            "prompt_set": "slug",
            "state": "pending, running, done, failed or cancelled",
        },
    )
    def get(self, request: Request) -> Response:
        return self.list(request)

    @documented(
        "Store outputs that were made elsewhere",
        answer={"type": "object", "properties": {"stored": {"type": "integer"}}},
        status=201,
        body=OutputsBody,
        also=(404,),
    )
    def post(self, request: Request) -> Response:
        data = checked(OutputsBody, request)
        owned = PromptSet.objects.owned_by(request.user)
        prompt_set = get_object_or_404(owned, slug=data["prompt_set"])
        stored = import_outputs(
            owner=request.user,  # type: ignore[arg-type]
            prompt_set=prompt_set,
            rows=_rows(data["outputs"]),
        )
        return Response({"stored": stored}, status=201)


class Jobs(ClosedParameters, ListAPIView[Job]):
    serializer_class = JobSerializer

    def get_queryset(self) -> QuerySet[Job]:
        jobs = Job.objects.owned_by(self.request.user).with_counts()
        return jobs.select_related("system", "prompt_set")

    @documented("List your jobs", answer=JobSerializer(many=True), also=(404,))
    def get(self, request: Request) -> Response:
        return self.list(request)

    @documented("Queue generation", answer=JobSerializer, status=201, body=JobBody, also=(404, 409))
    def post(self, request: Request) -> Response:
        data = checked(JobBody, request)
        job = queue_generation(
            system=get_object_or_404(
                System.objects.owned_by(request.user), slug=data.pop("system")
            ),
            prompt_set=get_object_or_404(
                PromptSet.objects.owned_by(request.user), slug=data.pop("prompt_set")
            ),
            **data,
        )
        row = self.get_queryset().get(pk=job.pk)
        return Response(JobSerializer(row).data, status=201)


class JobDetail(ClosedParameters, RetrieveAPIView[Job]):
    serializer_class = JobSerializer
    parameters = ()

    def get_queryset(self) -> QuerySet[Job]:
        jobs = Job.objects.owned_by(self.request.user).with_counts()
        return jobs.select_related("system", "prompt_set")

    @documented("Show a job", answer=JobSerializer, also=(404,))
    def get(self, request: Request, pk: int) -> Response:
        return self.retrieve(request)
