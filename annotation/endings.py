"""How a rater's way ends: the outcome, the code that says so, and the way back to the platform."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.conf import settings

from annotation.gold import Marks, marks_of
from annotation.models import OpenLink, Rater, Study, Way
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused

#: In an address, the place of the code.
CODE_PLACE = "{code}"
PROLIFIC_RETURN = f"https://app.prolific.com/submissions/complete?cc={CODE_PLACE}"


@dataclass(frozen=True, kw_only=True)
class BlindEnd:
    """What the last page tells a rater."""

    outcome: str
    code: str
    #: Where the button leads; empty: nowhere.
    return_url: str


def outcome_of(rater: Rater) -> Rater.Outcome:
    """Return how the way ends for somebody who has come to its end.

    Missed attention tasks are counted only here: an end in the middle would say which task it was.
    """
    limit = rater.study.way.attention_limit
    missed = marks_of([rater]).get(rater.pk, Marks()).attention_missed if limit else 0
    return Rater.Outcome.FAILED if limit and missed >= limit else Rater.Outcome.COMPLETE


def blind_end(rater: Rater) -> BlindEnd:
    code = code_of(rater.study.way, rater.outcome)
    return BlindEnd(outcome=rater.outcome, code=code, return_url=_return_url(rater, code))


def code_of(way: Way, outcome: str) -> str:
    return {
        Rater.Outcome.COMPLETE.value: way.code_complete,
        Rater.Outcome.SCREENED_OUT.value: way.code_screened_out,
        Rater.Outcome.FAILED.value: way.code_failed,
    }.get(outcome, "")


def _return_url(rater: Rater, code: str) -> str:
    template = rater.study.way.return_url
    if not template and code and _came_from(rater) == OpenLink.Platform.PROLIFIC:
        template = PROLIFIC_RETURN
    if CODE_PLACE in template and not code:
        return ""
    return template.replace(CODE_PLACE, quote(code, safe=""))


def _came_from(rater: Rater) -> str:
    arrivals = rater.study.arrivals.filter(rater=rater)
    return arrivals.values_list("link__platform", flat=True).first() or ""


def check_return_url(url: str) -> str:
    """Return the address; raise `InputRefused` unless it leads to an allowed host by https.

    The hosts are the operator's to allow (`EVALSITE_RETURN_HOSTS`): a rater who trusts this site
    must not be led anywhere by a study.
    """
    try:
        parts = urlsplit(url)
        is_allowed = parts.scheme == "https" and parts.netloc in settings.EVALSITE_RETURN_HOSTS
    except ValueError:
        is_allowed = False
    if url and not (is_allowed and url.isprintable() and " " not in url):
        hosts = ", ".join(settings.EVALSITE_RETURN_HOSTS)
        raise InputRefused(f"the address {url!r}", expected=f"https:// and one of {hosts}")
    return url


@write_transaction()
def set_codes(study: Study, *, by: object = None, **codes: str) -> Way:
    """Set completion codes and the way back, by the names of `Way`'s fields; also after launch.

    A platform gives its codes only once the study has an address. The log says that they were
    set, not what they are.
    """
    check_return_url(codes.get("return_url", ""))
    way, _ = Way.objects.update_or_create(study=study, defaults=codes)
    study.log("completion codes set", by=by, fields=sorted(codes))
    return way
