"""The shape of generation in the API. Serializers check shape; services save."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from evalsite.lib.rest import Body, Text, Whole
from generation.models import Job, Output, Prompt, PromptSet, System, backend_choices
from generation.rows import MAX_SAMPLES
from generation.services import MAX_SEED


class SystemSerializer(serializers.ModelSerializer[System]):
    settings = serializers.DictField()

    class Meta:
        model = System
        fields = ["slug", "name", "backend", "model", "settings", "notes", "created_at"]


class SystemBody(Body):
    name = Text(max_length=200)
    slug = Text(max_length=80, required=False)
    backend = serializers.ChoiceField(choices=backend_choices())
    model = Text(max_length=300, required=False, allow_blank=True)
    settings = serializers.DictField(required=False)
    notes = Text(required=False, allow_blank=True, max_length=10_000)


class PromptSerializer(serializers.ModelSerializer[Prompt]):
    id = serializers.CharField(source="key")
    prompt = serializers.CharField(source="text")
    messages = serializers.ListField(child=serializers.DictField(), allow_null=True)

    class Meta:
        model = Prompt
        fields = ["id", "prompt", "category", "reference", "messages"]


class PromptSetSerializer(serializers.ModelSerializer[PromptSet]):
    prompts = serializers.IntegerField(source="prompt_count")

    class Meta:
        model = PromptSet
        fields = ["slug", "name", "description", "content_hash", "created_at", "prompts"]


class PromptBody(Body):
    id = Text(max_length=200)
    prompt = Text(max_length=1_000_000)
    category = Text(max_length=100, required=False, allow_blank=True)
    reference = Text(required=False, allow_blank=True)
    messages = serializers.ListField(child=serializers.DictField(), required=False)


class PromptSetBody(Body):
    name = Text(max_length=200)
    slug = Text(max_length=80, required=False)
    description = Text(required=False, allow_blank=True, max_length=10_000)
    prompts = PromptBody(many=True, allow_empty=False)


class OutputSerializer(serializers.ModelSerializer[Output]):
    system = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    prompt_set = serializers.CharField(source="prompt.prompt_set.slug")
    prompt_id = serializers.CharField(source="prompt.key")
    output = serializers.CharField(source="text")

    class Meta:
        model = Output
        fields = [
            "system",
            "prompt_set",
            "prompt_id",
            "sample",
            "state",
            "output",
            "text_hash",
            "finish_reason",
            "prompt_tokens",
            "output_tokens",
            "seconds",
            "error",
            "finished_at",
        ]


class OutputBody(Body):
    prompt_id = Text(max_length=200)
    system = Text(max_length=200)
    output = Text(max_length=4_000_000)
    sample = Whole(min_value=0, max_value=MAX_SAMPLES - 1, required=False)


class OutputsBody(Body):
    prompt_set = Text(max_length=100)
    outputs = OutputBody(many=True, allow_empty=False)


class JobSerializer(serializers.ModelSerializer[Job]):
    system = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    prompt_set = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    total = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    provenance = serializers.DictField()

    class Meta:
        model = Job
        fields = [
            "id", "system", "prompt_set", "samples", "seed", "created_at", "cancelled_at",
            "total", "done", "failed", "provenance",
        ]  # fmt: skip


class JobBody(Body):
    system = Text(max_length=100)
    prompt_set = Text(max_length=100)
    samples = Whole(min_value=1, max_value=MAX_SAMPLES, required=False)
    seed = Whole(min_value=0, max_value=MAX_SEED, required=False)
