"""What crowd platforms put into the address of a link, and how to ask them to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from annotation.exceptions import PlatformIdMissing, PlatformPreview
from annotation.models import OpenLink

_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,100}")
#: What MTurk sends while a worker only looks at the task.
_PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The names of a platform's parameters, and what it fills in for each, if it must be told."""

    person: str
    listing: str
    visit: str
    placeholder: str = ""

    @property
    def query(self) -> str:
        """Return what to add to the link where the platform fills in placeholders."""
        if not self.placeholder:
            return ""
        names = (self.person, self.listing, self.visit)
        return "?" + "&".join(f"{name}={self.placeholder.format(name)}" for name in names)


PARAMETERS: dict[str, Parameters] = {
    OpenLink.Platform.PROLIFIC: Parameters(
        person="PROLIFIC_PID", listing="STUDY_ID", visit="SESSION_ID", placeholder="{{{{%{}%}}}}"
    ),
    OpenLink.Platform.MTURK: Parameters(person="workerId", listing="hitId", visit="assignmentId"),
}


def link_path(link: OpenLink) -> str:
    """Return the path to hand out, with what the platform is to fill in."""
    path = reverse("annotation:rate-join", args=[link.study.public_id, link.token])
    return path + (PARAMETERS[link.platform].query if link.platform else "")


@dataclass(frozen=True, kw_only=True)
class Ids:
    """What a platform said of somebody who came; empty without a platform."""

    person: str = ""
    listing: str = ""
    visit: str = ""


def ids_in(query: Mapping[str, str], platform: str) -> Ids:
    """Read the platform's ids from an address.

    Raises `PlatformPreview` while a worker has not accepted the task, and `PlatformIdMissing`
    where one is missing or looks like none.
    """
    if not platform:
        return Ids()
    names = PARAMETERS[platform]
    found = {key: query.get(getattr(names, key), "") for key in ("person", "listing", "visit")}
    if found["visit"] == _PREVIEW:
        raise PlatformPreview
    if not all(_ID.fullmatch(value) for value in found.values()):
        raise PlatformIdMissing
    return Ids(**found)
