"""What a study asks of sounds: how loud they are served, and whether all must be played."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0015_groups_of_open_links")]

    operations = [
        migrations.AddField(
            "way", "loudness", models.FloatField(blank=True, default=-23.0, null=True)
        ),
        migrations.AddField("way", "must_play", models.BooleanField(default=False)),
        migrations.AddField(
            "judgment", "plays", models.JSONField(blank=True, editable=False, null=True)
        ),
    ]
