"""What raters do over HTTP, in their words."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from annotation.models import Assignment, Rater

HTMX = {"HX-Request": "true"}


def path_of(rater: Rater, page: str = "") -> str:
    return f"/rate/{rater.study.public_id}/{page + '/' if page else ''}"


def open_link(rater: Rater) -> Client:
    client = Client()
    assert client.get(f"/r/{rater.invite_token}/").status_code == 302
    return client


def enter(rater: Rater) -> Client:
    """Follow the invite link through consent and instructions."""
    client = open_link(rater)
    for page in ("consent", "instructions"):
        client.post(path_of(rater, page))
    return client


def token_on(page: Any) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    assert found, page.content.decode()
    return found[1]


def text_of(page: Any) -> str:
    return str(page.content.decode())


def claimed_by(rater: Rater) -> Assignment:
    return rater.assignments.get(state="claimed")


def where(client: Client, rater: Rater) -> str:
    """Return the name of the step that the way leads to."""
    return str(client.get(path_of(rater))["Location"].rstrip("/").rsplit("/", 1)[-1])


def judge_all(client: Client, rater: Rater, *, choice: str = "tie", at_most: int = 100) -> int:
    """Judge until no task comes; return how many answers were given."""
    for given in range(at_most):
        client.get(path_of(rater, "judge"))
        slot = rater.assignments.filter(state="claimed").first()
        if slot is None:
            return given
        client.post(path_of(rater, "judge"), {"token": slot.token, "choice": choice})
    raise AssertionError(f"still judging after {at_most} answers")
