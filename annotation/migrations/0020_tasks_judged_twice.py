"""A task may be asked a second time of the same rater, outside the target."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q

#: SQLite loses the trigger of migration 0002 when it remakes the table for the new column.
APPEND_ONLY = """
CREATE TRIGGER IF NOT EXISTS judgment_is_append_only BEFORE UPDATE ON annotation_judgment
BEGIN SELECT RAISE(ABORT, 'a judgment is append-only'); END
"""
PURPOSES = [
    ("target", "Target"),
    ("check", "Check"),
    ("repeat", "Repeat"),
    ("training", "Training"),
    ("qualification", "Qualification"),
]


def keep_append_only(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute(APPEND_ONLY)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0019_slots_by_rater")]

    operations = [
        # Backwards, the table is remade first, and this comes last.
        migrations.RunPython(migrations.RunPython.noop, keep_append_only),
        migrations.RemoveConstraint("assignment", "task_once_per_rater"),
        migrations.AlterField(
            "assignment",
            "purpose",
            models.CharField(choices=PURPOSES, default="target", max_length=13),
        ),
        migrations.AddConstraint(
            "assignment",
            models.UniqueConstraint(
                condition=Q(("rater__isnull", False), Q(("purpose", "repeat"), _negated=True)),
                fields=("task", "rater"),
                name="task_once_per_rater",
            ),
        ),
        migrations.AddConstraint(
            "assignment",
            models.UniqueConstraint(
                condition=Q(("purpose", "repeat")),
                fields=("task", "rater"),
                name="repeat_once_per_rater",
            ),
        ),
        migrations.AddField("way", "repeat_every", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField(
            "judgment", "is_repeat", models.BooleanField(default=False, editable=False)
        ),
        migrations.RunPython(keep_append_only, migrations.RunPython.noop),
    ]
