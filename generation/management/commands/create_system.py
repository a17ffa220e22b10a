"""`manage.py create_system NAME`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.owners import owner_named
from generation.models import backend_choices
from generation.services import create_system


class Command(EvalsiteCommand):
    help = "Make a system: a model with fixed settings. Without --backend, outputs are imported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--slug", default="", help="default: made from the name")
        parser.add_argument("--backend", choices=dict(backend_choices()), default="imported")
        parser.add_argument("--model", default="", help="what the backend loads")
        # Django has a --settings of its own.
        parser.add_argument(
            "--generation",
            default="{}",
            metavar="JSON",
            help='settings, such as {"temperature": 0.7}',
        )
        parser.add_argument("--owner", help="whose it is (default: the first superuser)")

    def handle(self, *, owner: str | None, generation: str, name: str, **options: Any) -> None:
        system = create_system(
            owner=owner_named(owner),
            name=name,
            settings=_parsed(generation),
            **{key: options[key] for key in ("slug", "backend", "model")},
        )
        self.stdout.write(system.slug)


def _parsed(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InputRefused("--generation is not a JSON object", expected='{"temperature": 0.7}')
    return values
