"""Several raters in one process, who judge until nothing is left: run by `python -m`.

Prints the key of each judgment once it is stored, so that a test can kill this process and look
for every one that was acknowledged.
"""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalsite.settings")
django.setup()

from annotation.assignments import next_turn, submit_judgment  # noqa: E402
from annotation.models import Assignment, Rater  # noqa: E402


def main(keys: list[str]) -> None:
    raters = {key: Rater.objects.select_related("study").get(pk=key) for key in keys}
    while raters:
        for key, rater in list(raters.items()):
            turn = next_turn(rater)
            if turn.assignment_pk is None:
                del raters[key]
                continue
            token = Assignment.objects.get(pk=turn.assignment_pk).token
            judgment = submit_judgment(rater, token=token, choice="left")
            sys.stdout.write(f"{judgment.pk}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
