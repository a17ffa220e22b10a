"""Answers beyond a verdict or a score, options of a protocol, tasks that are groups of outputs."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import annotation.protocols

#: SQLite loses the trigger of migration 0002 when it remakes the table for the new column.
APPEND_ONLY = """
CREATE TRIGGER IF NOT EXISTS judgment_is_append_only BEFORE UPDATE ON annotation_judgment
BEGIN SELECT RAISE(ABORT, 'a judgment is append-only'); END
"""


def keep_append_only(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute(APPEND_ONLY)


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0004_adaptive_pairs"),
        ("generation", "0002_outputs_are_immutable"),
    ]

    operations = [
        # Backwards, the tables are remade in the other order, and this comes last.
        migrations.RunPython(migrations.RunPython.noop, keep_append_only),
        migrations.AddField("study", "options", models.JSONField(blank=True, default=dict)),
        migrations.AlterField(
            "study",
            "protocol",
            models.CharField(
                choices=annotation.protocols.labels, default="pairwise", max_length=20
            ),
        ),
        migrations.AddField("assignment", "order", models.JSONField(blank=True, default=list)),
        migrations.AddField(
            "task", "group", models.PositiveSmallIntegerField(blank=True, null=True)
        ),
        migrations.RemoveConstraint("task", "single_once_per_prompt"),
        migrations.AddConstraint(
            "task",
            models.UniqueConstraint(
                condition=Q(("group__isnull", True), ("system_b__isnull", True)),
                fields=("study", "prompt", "system_a"),
                name="single_once_per_prompt",
            ),
        ),
        migrations.AddConstraint(
            "task",
            models.UniqueConstraint(
                condition=Q(("group__isnull", False)),
                fields=("study", "prompt", "group"),
                name="group_once_per_prompt",
            ),
        ),
        migrations.CreateModel(
            "TaskOutput",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outputs",
                        to="annotation.task",
                    ),
                ),
                ("place", models.PositiveSmallIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[("system", "System"), ("reference", "Reference")],
                        default="system",
                        max_length=10,
                    ),
                ),
                (
                    "system",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="generation.system",
                    ),
                ),
                (
                    "output",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="generation.output",
                    ),
                ),
                ("hash", models.CharField(blank=True, editable=False, max_length=64)),
            ],
            options={"ordering": ["task", "place"]},
        ),
        migrations.AddConstraint(
            "taskoutput",
            models.UniqueConstraint(fields=("task", "place"), name="place_once_per_task"),
        ),
        migrations.AddConstraint(
            "taskoutput",
            models.UniqueConstraint(fields=("task", "system"), name="system_once_per_group"),
        ),
        migrations.AddConstraint(
            "taskoutput",
            models.CheckConstraint(
                condition=Q(
                    Q(("role", "system"), ("system__isnull", False)),
                    Q(("output__isnull", True), ("role", "reference"), ("system__isnull", True)),
                    _connector="OR",
                ),
                name="place_has_a_system_or_the_reference",
            ),
        ),
        migrations.RemoveConstraint("judgment", "judgment_has_a_verdict_or_a_score"),
        migrations.AddField("judgment", "answer", models.JSONField(blank=True, default=dict)),
        migrations.AlterField("judgment", "score", models.SmallIntegerField(blank=True, null=True)),
        migrations.AddConstraint(
            "judgment",
            models.CheckConstraint(
                condition=Q(
                    Q(Q(("verdict", ""), _negated=True), ("score__isnull", True)),
                    Q(("score__isnull", False), ("verdict", "")),
                    Q(
                        ("score__isnull", True),
                        ("verdict", ""),
                        Q(("answer", {}), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="judgment_has_a_verdict_a_score_or_an_answer",
            ),
        ),
        migrations.RunPython(keep_append_only, migrations.RunPython.noop),
    ]
