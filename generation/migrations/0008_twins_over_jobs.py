"""Greedy rows know what they are asked, so that twins in several jobs are made once.

A column that may be null: SQLite adds it without making the table anew, and keeps its triggers.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0007_greedy_duplicates_are_linked")]
    operations = [
        migrations.AddField(
            model_name="output",
            name="twin_key",
            field=models.CharField(blank=True, editable=False, max_length=64, null=True),
        ),
        migrations.AddIndex(
            model_name="output",
            index=models.Index(
                condition=models.Q(("twin_key__isnull", False)),
                fields=["twin_key"],
                name="output_twins",
            ),
        ),
    ]
