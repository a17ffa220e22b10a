"""Stored counts are made anew from the judgments: what is said of a group is one cell."""

from __future__ import annotations

from django.db import migrations


def forget(apps, editor):
    apps.get_model("ranking", "Rollup").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("ranking", "0003_cells_by_question")]
    operations = [migrations.RunPython(forget, forget)]
