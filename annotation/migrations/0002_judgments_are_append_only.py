"""A judgment never changes: a correction is a new row. Held by the database itself."""

from __future__ import annotations

from django.db import migrations

SQLITE = """
CREATE TRIGGER judgment_is_append_only BEFORE UPDATE ON annotation_judgment
BEGIN SELECT RAISE(ABORT, 'a judgment is append-only'); END
"""
POSTGRESQL = """
CREATE FUNCTION annotation_judgment_is_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'a judgment is append-only' USING ERRCODE = 'integrity_constraint_violation'; END
$$ LANGUAGE plpgsql;
CREATE TRIGGER judgment_is_append_only BEFORE UPDATE ON annotation_judgment
FOR EACH ROW EXECUTE FUNCTION annotation_judgment_is_append_only();
"""


def create(apps, editor):
    editor.execute(SQLITE if editor.connection.vendor == "sqlite" else POSTGRESQL)


def drop(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP TRIGGER judgment_is_append_only")
    else:
        editor.execute("DROP FUNCTION annotation_judgment_is_append_only CASCADE")


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
