"""A worker elsewhere holds one database role, which can do its work and nothing else."""

from __future__ import annotations

import os
import subprocess

import pytest
from django.core.management import call_command
from django.db import connection

from generation.models import System
from generation.services import queue_generation
from tests.factories import make_output, make_prompt_set, make_system
from tests.processes import database_url, spawn

# Roles belong to the whole server, which tests in other processes use at the same time.
ROLE = f"evalsite_test_worker_{os.getpid()}"


def needs_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")


@pytest.fixture
def role(transactional_db, capsys):
    """Make the role by what the command prints; take it away afterwards."""
    needs_postgresql()
    call_command("worker_role", ROLE)
    printed = capsys.readouterr()
    with connection.cursor() as cursor:
        cursor.execute(printed.out)
    yield printed.err.strip().removeprefix("DATABASE_URL=")
    with connection.cursor() as cursor:
        cursor.execute(f"RESET ROLE; DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def test_the_role_can_drain_the_queue(role, settings, tmp_path):
    jobs = [
        queue_generation(
            system=make_system(backend=backend, model=model),
            prompt_set=make_prompt_set(prompts=2),
        )
        for backend, model in ((System.Backend.FAKE, ""), (System.Backend.FAKE, "other"))
    ]
    # Nothing of the site's but the database: no key of its own, no data folder.
    environment = {"DATABASE_URL": role, "EVALSITE_DATA": str(tmp_path), "EVALSITE_SECRET_KEY": ""}
    worker = spawn("run_generation_worker", "--drain", environment=environment,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    said, complained = worker.communicate(timeout=120)
    assert worker.returncode == 0, complained
    assert said == "4 outputs finished\n"
    for job in jobs:
        job.refresh_from_db()
        assert job.provenance["engine"] == "fake"
        assert job.outputs.filter(state="done", engine__isnull=False).count() == 2


def test_its_address_names_the_database_and_nothing_of_ours(role):
    own = database_url()
    assert role.rpartition("@")[2] == own.rpartition("@")[2]
    name, _, password = role.removeprefix("postgres://").rpartition("@")[0].partition(":")
    assert name == ROLE
    assert len(password) >= 40


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM auth_user",
        "SELECT * FROM knox_authtoken",
        "SELECT * FROM django_session",
        "SELECT * FROM annotation_judgment",
        "SELECT * FROM annotation_rater",
        "INSERT INTO generation_system (slug) VALUES ('x')",
        "UPDATE generation_system SET settings = '{}'",
        "UPDATE generation_prompt SET text = 'x'",
        "UPDATE generation_output SET prompt_id = 1",
        "UPDATE generation_job SET seed = 1",
        "UPDATE generation_enginerecord SET record = '{}'",
        "DELETE FROM generation_output",
        "DELETE FROM generation_media",
        "CREATE TABLE mine (x int)",
        "ALTER TABLE generation_output DISABLE TRIGGER output_is_immutable",
        "CREATE ROLE another",
    ],
)
def test_it_has_no_other_right(role, statement):
    from django.db import ProgrammingError

    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
        try:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                cursor.execute(statement)
        finally:
            cursor.execute("RESET ROLE")


def test_it_cannot_change_what_is_finished(role):
    from django.db import IntegrityError

    make_output(system=make_system(), prompt=make_prompt_set(prompts=1).prompts.get())
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
        try:
            with pytest.raises(IntegrityError, match="immutable"):
                cursor.execute("UPDATE generation_output SET text = 'forged'")
        finally:
            cursor.execute("RESET ROLE")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "Robert'; DROP", "1st", "a-b", "x" * 64, "name\n"])
def test_a_role_needs_a_plain_name_and_postgresql(capsys, name):
    with pytest.raises(SystemExit) as ended:
        call_command("worker_role", name)
    assert ended.value.code == 2
    words = "is not a name" if connection.vendor == "postgresql" else "SQLite has no roles"
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.out == ""
