"""Stored counts are made anew from the judgments: their cells know which question they answer."""

from __future__ import annotations

from django.db import migrations


def forget(apps, editor):
    apps.get_model("ranking", "Rollup").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("ranking", "0002_rollup_and_sharing")]
    operations = [migrations.RunPython(forget, forget)]
