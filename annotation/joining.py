"""Coming by an open link: a place is taken, a rater made, a platform's id bound to that rater."""

from __future__ import annotations

import secrets

from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError
from django.db.models import F
from django.utils.timezone import now

from annotation.admission import admit
from annotation.exceptions import LinkClosed, PersonTaken, StudyNotOpen
from annotation.models import OPEN_LINK_SALT, Arrival, OpenLink, Rater, Study
from annotation.platforms import Ids
from annotation.services import check_group
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused

MAX_CAP = 100_000


@write_transaction()
def open_link(
    study: Study, *, cap: int, platform: str = "", group: str = "", by: User | None = None
) -> OpenLink:
    """Make a link that admits at most `cap` raters, who are of that group."""
    if study.state in (Study.State.DRAFT, Study.State.CLOSED):
        raise StudyNotOpen
    if not 1 <= cap <= MAX_CAP:
        raise InputRefused(f"a cap of {cap}", expected=f"1 to {MAX_CAP}")
    if platform not in OpenLink.Platform.values:
        raise InputRefused(f"unknown platform {platform!r}", expected="prolific or mturk")
    link = OpenLink.objects.create(
        study=study, cap=cap, platform=platform, group=check_group(group)
    )
    study.log("open link made", by=by, link=link.pk, cap=cap, platform=platform, group=group)
    return link


@write_transaction()
def close_link(link: OpenLink, *, by: User | None = None) -> None:
    """Admit nobody more by the link. Who has come already goes on."""
    if OpenLink.objects.filter(pk=link.pk, closed_at=None).update(closed_at=now()):
        link.study.log("open link closed", by=by, link=link.pk, opened=link.opened)


def link_from_token(token: str, study_public_id: str) -> OpenLink | None:
    """Return the open link of that study that a token names; None for a forged one."""
    try:
        public_id = Signer(salt=OPEN_LINK_SALT).unsign(token)
    except BadSignature:
        return None
    links = OpenLink.objects.select_related("study").defer("study__plan")
    return links.filter(public_id=public_id, study__public_id=study_public_id).first()


def join(link: OpenLink, ids: Ids) -> Rater:
    """Make a rater of somebody who comes by the link for the first time.

    Raises `PersonTaken` for a platform id that takes part already, `LinkClosed` once the cap is
    reached or the link closed, `StudyFull` and `StudyNotOpen`. Nothing is stored then, but that
    somebody came again is noted for the researcher.
    """
    try:
        return _join(link, ids)
    except (PersonTaken, IntegrityError):
        # The second of two at once finds the id taken only when it is stored.
        if not note_refusal(link.study, ids.person):
            raise
        raise PersonTaken from None


def require_place(link: OpenLink) -> None:
    """Refuse whoever looks at a link that admits nobody more, before they press its button.

    Raises `LinkClosed` and `StudyNotOpen`.
    """
    if link.study.state != Study.State.OPEN:
        raise StudyNotOpen
    if link.closed_at is not None or link.opened >= link.cap:
        raise LinkClosed


@write_transaction()
def _join(link: OpenLink, ids: Ids) -> Rater:
    study = link.study
    if ids.person and study.arrivals.filter(person=ids.person).exists():
        raise PersonTaken
    require_place(link)
    if not link.take_place():
        raise LinkClosed
    rater = Rater(study=study, group=link.group, cursor=secrets.randbelow(max(1, study.slot_count)))
    rater.name = f"Guest {link.pk}-{link.opened}"
    if study.raters.filter(name=rater.name).exists():
        rater.name += f" ({rater.public_id})"
    rater.save()
    admit(rater)
    Arrival.objects.create(
        study=study,
        rater=rater,
        link=link,
        person=ids.person,
        listing=ids.listing,
        visit=ids.visit,
    )
    return rater


@write_transaction()
def note_refusal(study: Study, person: str) -> bool:
    """Count one who came with a platform id that is somebody's already."""
    taken = study.arrivals.filter(person=person).exclude(person="")
    return bool(taken.update(refused=F("refused") + 1, refused_at=now()))
