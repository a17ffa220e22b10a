"""A backend is one file and one line: what CONTRIBUTING.md promises."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.core.management import call_command

from evalsite.lib.exceptions import InputRefused
from generation.backends import BACKENDS, GenerationResult, Registered
from generation.backends.settings import Setting
from generation.forms import SystemForm
from generation.models import System
from generation.services import create_system, queue_generation
from generation.worker import Worker
from tests.factories import make_prompt_set, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _echo(monkeypatch):
    """The file and the line."""
    module = ModuleType("backend_echo")

    class Backend:
        batch_size = 2

        def __init__(self, model, *, dtype):
            self.model = model

        def provenance(self):
            return {"engine": "echo", "model": self.model}

        def generate(self, requests):
            for request in requests:
                times = request.settings.own["times"]
                yield GenerationResult(key=request.key, text=self.model * times)

    module.Backend = Backend
    module.OWN_SETTINGS = {"times": Setting(lambda v: v in (1, 2, 3), "1, 2 or 3", 2)}
    monkeypatch.setitem(sys.modules, "backend_echo", module)
    monkeypatch.setitem(BACKENDS, "echo", Registered(module="backend_echo", label="Echo"))


def test_a_registered_backend_generates_with_settings_of_its_own():
    prompt_set = make_prompt_set(prompts=1)
    for times in ({}, {"times": 3}):
        system = create_system(
            owner=make_user(), name="x", backend="echo", model="ha", settings=times
        )
        queue_generation(system=system, prompt_set=prompt_set)
    Worker().run(drain=True)
    said = [system.outputs.get().text for system in System.objects.order_by("pk")]
    assert said == ["haha", "hahaha"]
    assert system.settings["times"] == 3


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"times": 4}, "times is 4; expected 1, 2 or 3"), ({"time": 1}, "unknown setting 'time'")],
)
def test_its_settings_are_checked_when_the_system_is_made(settings, words):
    with pytest.raises(InputRefused, match=words):
        create_system(owner=make_user(), name="x", backend="echo", model="m", settings=settings)


def test_page_command_and_database_know_it():
    assert ("echo", "Echo") in SystemForm().fields["backend"].choices
    call_command("create_system", "y", backend="echo", model="m", verbosity=0)
    system = System.objects.get()
    system.full_clean()
    assert system.get_backend_display() == "Echo"


def test_it_needs_no_migration():
    call_command("makemigrations", "generation", check=True, dry_run=True, verbosity=0)
