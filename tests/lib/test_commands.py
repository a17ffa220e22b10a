"""Arguments that cannot be read are refused in one line, as bad input is."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan_study", "--systems", "x"], "argument --systems: invalid int value: 'x'"),
        (["plan_study"], "the following arguments are required: --systems"),
        (["export_report", "any", "--cap", "3"], "'3' is no share"),
        (["export_report", "any", "--format", "pdf"], "invalid choice: 'pdf'"),
    ],
)
def test_the_line_says_what_is_wrong(arguments, says):
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert says in done.stderr
