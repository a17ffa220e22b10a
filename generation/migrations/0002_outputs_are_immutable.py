"""A finished output never changes, whoever writes: held by the database itself."""

from __future__ import annotations

from django.db import migrations

SQLITE = """
CREATE TRIGGER output_is_immutable BEFORE UPDATE OF text, html, text_hash, state, sample, system_id, prompt_id
ON generation_output WHEN OLD.state = 'done'
BEGIN SELECT RAISE(ABORT, 'a finished output is immutable'); END
"""
POSTGRESQL = """
CREATE FUNCTION generation_output_is_immutable() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'a finished output is immutable' USING ERRCODE = 'integrity_constraint_violation'; END
$$ LANGUAGE plpgsql;
CREATE TRIGGER output_is_immutable BEFORE UPDATE OF text, html, text_hash, state, sample, system_id, prompt_id
ON generation_output FOR EACH ROW WHEN (OLD.state = 'done')
EXECUTE FUNCTION generation_output_is_immutable();
"""


def create(apps, editor):
    editor.execute(SQLITE if editor.connection.vendor == "sqlite" else POSTGRESQL)


def drop(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP TRIGGER IF EXISTS output_is_immutable")
    else:
        editor.execute("DROP FUNCTION generation_output_is_immutable CASCADE")


class Migration(migrations.Migration):
    dependencies = [("generation", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
