"""What says how an output came to be never changes either: held by the database itself."""

from __future__ import annotations

from django.db import migrations

#: Table -> (trigger, columns, when, message). OLD is the row as it stands.
OUTPUT = (
    "text, html, text_hash, media_id, state, sample, system_id, prompt_id, job_id, finish_reason, "
    "prompt_tokens, output_tokens, seconds, provenance, engine_id, finished_at"
)
RULES = {
    "generation_output": ("output_is_immutable", OUTPUT, "OLD.state = 'done'", "a finished output"),
    "generation_job": (
        "job_is_immutable",
        "provenance, seed, samples, system_id, prompt_set_id",
        "{filled} OR NEW.seed <> OLD.seed OR NEW.samples <> OLD.samples "
        "OR NEW.system_id <> OLD.system_id OR NEW.prompt_set_id <> OLD.prompt_set_id",
        "a job's record",
    ),
    "generation_media": (
        "media_is_immutable",
        "sha256, mime, bytes, seconds, sample_rate",
        "",
        "media",
    ),
    "generation_enginerecord": ("engine_is_immutable", "sha256, record", "", "an engine record"),
}
FILLED = {"sqlite": "OLD.provenance <> '{}'", "postgresql": "OLD.provenance <> '{}'::jsonb"}


def create(apps, editor):
    vendor = editor.connection.vendor
    for table, (name, columns, condition, what) in RULES.items():
        editor.execute(_drop(vendor, table, name))
        when = f"WHEN ({condition.format(filled=FILLED[vendor])})" if condition else ""
        editor.execute(_create(vendor, table, name, columns, when, f"{what} is immutable"))


def _create(vendor, table, name, columns, when, message):
    message = message.replace("'", "''")
    before = f"CREATE TRIGGER {name} BEFORE UPDATE OF {columns} ON {table}"
    if vendor == "sqlite":
        return f"{before} {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
    return (
        f"CREATE OR REPLACE FUNCTION {table}_is_immutable() RETURNS trigger AS $$ BEGIN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END "
        f"$$ LANGUAGE plpgsql; {before} FOR EACH ROW {when} EXECUTE FUNCTION {table}_is_immutable();"
    )


def _drop(vendor, table, name):
    if vendor == "sqlite":
        return f"DROP TRIGGER IF EXISTS {name}"
    return f"DROP TRIGGER IF EXISTS {name} ON {table}"


def drop(apps, editor):
    vendor = editor.connection.vendor
    for table, (name, *_) in RULES.items():
        editor.execute(_drop(vendor, table, name))


class Migration(migrations.Migration):
    dependencies = [("generation", "0003_media_and_engine_records")]
    operations = [migrations.RunPython(create, drop)]
