"""`manage.py create_study FILE [--launch]`."""

from __future__ import annotations

import tomllib
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from annotation.gold_files import OPTIONAL, REQUIRED
from annotation.launch import launch_study
from annotation.quality.declaring import declare_rules
from annotation.quality.measures import MEASURES
from annotation.quality.rule_files import read_rules
from annotation.quality.rule_sets import RULE_SETS
from annotation.services import create_study
from annotation.study_files import KEYS, study_arguments
from annotation.way_files import KEYS as WAY_KEYS
from annotation.way_files import MEDIA_KEYS, take_way
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from evalsite.lib.owners import owner_named


class Command(EvalsiteCommand):
    help = (
        "Set up a study from a TOML file. Keys: "
        + ", ".join(KEYS)
        + ". Tables: [raters] with "
        + ", ".join(WAY_KEYS)
        + "; [media] with "
        + ", ".join(MEDIA_KEYS)
        + "; [[gold]] with "
        + ", ".join((*REQUIRED, *OPTIONAL))
        + "; [[rules]] with set ("
        + ", ".join(RULE_SETS)
        + "), or name, measure ("
        + ", ".join(MEASURES)
        + "), threshold, least, per, beyond_doubt."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("file", type=Path)
        parser.add_argument("--launch", action="store_true", help="open it for rating")
        parser.add_argument("--owner", help="whose it is (default: the first superuser)")

    @write_transaction()
    def handle(self, *, file: Path, launch: bool, owner: str | None, **_: Any) -> None:
        user = owner_named(owner)
        values = _parsed(file)
        way, rules = take_way(values, file=file.name), values.pop("rules", [])
        study = create_study(owner=user, **study_arguments(values, file=file.name))
        way.apply(study)
        declare_rules(study, read_rules(rules, file=file.name, study=study))
        if launch:
            launch_study(study, by=user)
        self.stdout.write(f"{study.slug}: {study.get_state_display()}")


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        wrong = f"not TOML: {error}"
    raise InputRefused(wrong, expected="one study in TOML", file=file.name)
