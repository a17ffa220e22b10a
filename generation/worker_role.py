"""What a worker on another machine may do in PostgreSQL: its own work and nothing else."""

from __future__ import annotations

from generation.models import EngineRecord, Job, Media, Output, Prompt, ServedCopy, System

#: What a worker writes into an output; finished ones are held by a trigger.
WRITTEN = (
    "state", "worker", "lease_until", "attempts", "fence", "text", "html", "text_hash", "media_id",
    "finish_reason", "prompt_tokens", "output_tokens", "seconds", "error", "provenance",
    "engine_id", "finished_at", "copy_of_id",
)  # fmt: skip


def role_sql(*, name: str, password: str, database: str) -> list[str]:
    """Return the statements that make the role; `name` is checked by the caller.

    It sees prompts, systems and outputs, and no account, token, session, rater or judgment.
    """
    own = (EngineRecord, Media, ServedCopy)
    read = [model._meta.db_table for model in (Output, System, Prompt, Job, *own)]
    output, job = Output._meta.db_table, Job._meta.db_table
    added = [model._meta.db_table for model in own]
    return [
        f"CREATE ROLE {quoted(name)} LOGIN PASSWORD '{password}'",
        f"GRANT CONNECT ON DATABASE {quoted(database)} TO {quoted(name)}",
        f"GRANT USAGE ON SCHEMA public TO {quoted(name)}",
        f"GRANT SELECT ON {', '.join(read)} TO {quoted(name)}",
        f"GRANT UPDATE ({', '.join(WRITTEN)}) ON {output} TO {quoted(name)}",
        f"GRANT UPDATE (provenance) ON {job} TO {quoted(name)}",
        f"GRANT INSERT ON {', '.join(added)} TO {quoted(name)}",
    ]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
