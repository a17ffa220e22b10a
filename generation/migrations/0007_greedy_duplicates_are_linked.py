"""A copy names the row that it was copied from; in a finished one that never changes either."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

TABLE, NAME = "generation_output", "output_is_immutable"
COLUMNS = (
    "text, html, text_hash, media_id, state, sample, system_id, prompt_id, job_id, finish_reason, "
    "prompt_tokens, output_tokens, seconds, provenance, engine_id, finished_at"
)
LINKED = f"{COLUMNS}, copy_of_id"
ACTION = {
    "sqlite": "BEGIN SELECT RAISE(ABORT, 'a finished output is immutable'); END",
    "postgresql": f"EXECUTE FUNCTION {TABLE}_is_immutable()",
}


def watch(columns):
    """Return an operation that makes the trigger anew, over these columns."""

    def make(apps, editor):
        vendor = editor.connection.vendor
        on = "" if vendor == "sqlite" else f" ON {TABLE}"
        editor.execute(f"DROP TRIGGER IF EXISTS {NAME}{on}")
        editor.execute(
            f"CREATE TRIGGER {NAME} BEFORE UPDATE OF {columns} ON {TABLE} "
            f"FOR EACH ROW WHEN (OLD.state = 'done') {ACTION[vendor]}"
        )

    return make


class Migration(migrations.Migration):
    dependencies = [("generation", "0006_media_of_every_kind")]
    operations = [
        migrations.RunPython(migrations.RunPython.noop, watch(COLUMNS)),
        migrations.AddField(
            model_name="output",
            name="copy_of",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="generation.output",
            ),
        ),
        migrations.RunPython(watch(LINKED), migrations.RunPython.noop),
    ]
