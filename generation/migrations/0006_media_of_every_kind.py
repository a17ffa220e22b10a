"""Media of prompts, what is measured of every kind, and the copies that raters are sent."""

from __future__ import annotations

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

MEDIA = "sha256, mime, bytes, seconds, sample_rate"
MEASURED = ", channels, loudness, width, height"


def _trigger(editor, table, name, columns, what):
    if editor.connection.vendor == "sqlite":
        editor.execute(f"DROP TRIGGER IF EXISTS {name}")
        editor.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE OF {columns} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{what} is immutable'); END"
        )
        return
    editor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
    editor.execute(
        f"CREATE OR REPLACE FUNCTION {table}_is_immutable() RETURNS trigger AS $$ BEGIN "
        f"RAISE EXCEPTION '{what} is immutable' "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql; "
        f"CREATE TRIGGER {name} BEFORE UPDATE OF {columns} ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_immutable();"
    )


def hold(apps, editor):
    _trigger(editor, "generation_media", "media_is_immutable", MEDIA + MEASURED, "media")
    _trigger(
        editor,
        "generation_servedcopy",
        "served_copy_is_immutable",
        "source_id, recipe, media_id",
        "a served copy",
    )


def hold_less(apps, editor):
    _trigger(editor, "generation_media", "media_is_immutable", MEDIA, "media")
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP FUNCTION generation_servedcopy_is_immutable CASCADE")


def _file(**kwargs):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, to="generation.media", **kwargs
    )


class Migration(migrations.Migration):
    dependencies = [("generation", "0005_facts_of_outputs")]

    operations = [
        migrations.AddField(
            "media", "channels", models.PositiveSmallIntegerField(blank=True, null=True)
        ),
        migrations.AddField("media", "loudness", models.FloatField(blank=True, null=True)),
        migrations.AddField("media", "width", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField("media", "height", models.PositiveIntegerField(blank=True, null=True)),
        migrations.AddField(
            "prompt", "media", _file(blank=True, null=True, related_name="prompts")
        ),
        migrations.AddField(
            "prompt", "reference_media", _file(blank=True, null=True, related_name="+")
        ),
        migrations.CreateModel(
            name="ServedCopy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("recipe", models.CharField(max_length=60)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("source", _file(related_name="served_copies")),
                ("media", _file(related_name="+")),
            ],
            options={
                "verbose_name_plural": "served copies",
                "constraints": [
                    models.UniqueConstraint(fields=("source", "recipe"), name="one_copy_per_recipe")
                ],
            },
        ),
        migrations.RunPython(hold, hold_less),
    ]
