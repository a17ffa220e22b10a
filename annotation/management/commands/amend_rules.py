"""`manage.py amend_rules STUDY --reason TEXT [--add FILE] [--retire NAME ...]`."""

from __future__ import annotations

import tomllib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from annotation.lookup import study_named
from annotation.models import Study
from annotation.quality.declaring import declare_rules, retire_rule
from annotation.quality.rule_files import read_rules
from evalsite.lib.commands import EvalsiteCommand
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused


class Command(EvalsiteCommand):
    help = (
        "Change a study's rules after its launch: add those of a TOML file with [[rules]], retire "
        "others by name. What a retired rule excluded counts again. Both are in the study's log "
        "with the reason; a rule itself never changes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="slug")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--add", type=Path, metavar="FILE", help="rules to add")
        parser.add_argument("--retire", action="append", default=[], metavar="NAME")

    @write_transaction()
    def handle(
        self, *, study: str, reason: str, add: Path | None, retire: list[str], **_: Any
    ) -> None:
        found = study_named(study)
        if not add and not retire:
            raise InputRefused("nothing is to change", expected="--add or --retire")
        done = [
            f"retired {name}; exclusions lifted: {_retire(found, name, reason)}" for name in retire
        ]
        if add:
            rules = read_rules(_tables(add), file=add.name, study=found)
            declare_rules(found, rules, reason=reason)
            done += [f"added {rule.name}: {rule.in_words}" for rule in rules]
        # Only now: a refusal undoes what came before it.
        self.stdout.write("\n".join(done))


def _retire(study: Study, name: str, reason: str) -> int:
    rule = study.rules.in_force().filter(name=name).first()
    if rule is None:
        raise InputRefused(f"unknown rule {name!r}", expected="one that is in force")
    return retire_rule(rule, reason=reason)


def _tables(file: Path) -> Any:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        wrong = f"cannot be read ({error.strerror})"
    except (ValueError, RecursionError) as error:
        wrong = f"not TOML: {error}"
    else:
        if set(values) == {"rules"}:
            return values["rules"]
        wrong = "something else than rules"
    raise InputRefused(wrong, expected="[[rules]] in TOML", file=file.name)
