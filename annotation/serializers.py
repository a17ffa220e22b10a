"""The shape of annotation in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from annotation.models import Study
from annotation.models.studies import languages
from annotation.protocols import PROTOCOLS
from evalsite.lib.rest import Body, Text, Whole, YesNo


class StudySerializer(serializers.ModelSerializer[Study]):
    prompt_set = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    systems = serializers.SlugRelatedField[Any](slug_field="slug", many=True, read_only=True)
    tasks = serializers.IntegerField(source="tasks_wanted")
    judgments_wanted = serializers.IntegerField()
    judgments = serializers.IntegerField(source="judgment_count")

    class Meta:
        model = Study
        fields = [
            "slug", "name", "title", "protocol", "options", "question", "language", "redact",
            "left_out", "state", "prompt_set", "systems", "pairing", "task_budget",
            "judgments_per_task", "tasks_per_rater", "allow_tie", "allow_both_bad", "sample",
            "seed", "plan_hash", "tasks", "judgments_wanted", "judgments", "created_at",
            "launched_at", "closed_at",
        ]  # fmt: skip


class StudyBody(Body):
    name = Text(max_length=200)
    protocol = serializers.ChoiceField(choices=list(PROTOCOLS))
    options = serializers.DictField(required=False)
    prompt_set = Text(max_length=100)
    systems = serializers.ListField(child=Text(max_length=100), allow_empty=False, max_length=100)
    slug = Text(max_length=80, required=False)
    title = Text(max_length=100, required=False)
    question = Text(max_length=300, required=False)
    instructions = Text(required=False, allow_blank=True, max_length=20_000)
    consent = Text(required=False, allow_blank=True, max_length=20_000)
    left_out = serializers.ListField(child=Text(max_length=200), max_length=1000, required=False)
    redact = serializers.ListField(child=Text(max_length=60), max_length=50, required=False)
    language = serializers.ChoiceField(choices=languages(), required=False)
    pairing = serializers.ChoiceField(choices=Study.Pairing.values, required=False)
    task_budget = Whole(min_value=1, max_value=10**6, required=False)
    judgments_per_task = Whole(min_value=1, max_value=1000, required=False)
    tasks_per_rater = Whole(min_value=1, max_value=10**6, required=False)
    allow_tie = YesNo(required=False)
    allow_both_bad = YesNo(required=False)
    lease_minutes = Whole(min_value=1, max_value=24 * 60, required=False)
    sample = Whole(min_value=0, max_value=1000, required=False)
    seed = Whole(min_value=0, max_value=2**63 - 1, required=False)
