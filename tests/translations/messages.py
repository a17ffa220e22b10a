"""What raters' pages say, gathered from templates and code: what every catalog must have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

from annotation.exceptions import TOLD_TO_RATERS

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ("base.html", "500.html", "_field.html", "annotation/rate/*.html")
MARKERS = {"gettext", "gettext_lazy", "gettext_noop", "_"}


def messages() -> set[str]:
    """Return every text that is marked for translation."""
    templates = (path for name in TEMPLATES for path in (ROOT / "templates").glob(name))
    of_templates = {text for path in templates for text in _in_template(path)}
    modules = [*(ROOT / "annotation").rglob("*.py"), *(ROOT / "evalsite" / "lib").glob("*.py")]
    of_code = {text for path in modules for text in _in_code(path.read_text())}
    refusals = {" ".join((error.__doc__ or "").split()) for error in TOLD_TO_RATERS}
    return of_templates | of_code | refusals


def _in_template(path: Path) -> Iterator[str]:
    """Read the calls that Django makes of a template for `makemessages`."""
    for line in templatize(path.read_text(), origin=str(path)).splitlines():
        for call in re.findall(r"gettext\((u'(?:[^'\\]|\\.)*'|u\"(?:[^\"\\]|\\.)*\")\)", line):
            yield ast.literal_eval(call)


def _in_code(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in MARKERS and node.args and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)
