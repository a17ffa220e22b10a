"""Prompts of the set that a study does not ask about."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0020_tasks_judged_twice")]

    operations = [
        migrations.AddField("study", "left_out", models.JSONField(blank=True, default=list))
    ]
