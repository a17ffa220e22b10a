"""Protocols: one file each, with its options, its form, and how an answer is read and stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotation.protocols.base import Protocol
from annotation.protocols.best_worst import BestWorst
from annotation.protocols.ccr import Ccr
from annotation.protocols.dcr import Dcr
from annotation.protocols.likert import Likert
from annotation.protocols.mos import Mos
from annotation.protocols.mushra import Mushra
from annotation.protocols.pairwise import Pairwise
from annotation.protocols.parts import Answer, Choice, Mark, Part, Shown

if TYPE_CHECKING:
    from annotation.models import Study

ALL: tuple[type[Protocol], ...] = (Pairwise, Mos, Dcr, Ccr, Mushra, Likert, BestWorst)
PROTOCOLS: dict[str, type[Protocol]] = {protocol.name: protocol for protocol in ALL}

__all__ = [
    "PROTOCOLS",
    "Answer",
    "Choice",
    "Mark",
    "Part",
    "Protocol",
    "Shown",
    "labels",
    "protocol_of",
]


def labels() -> list[tuple[str, str]]:
    """Return names and labels, for fields that offer a choice of protocols."""
    return [(name, protocol.label) for name, protocol in PROTOCOLS.items()]


def protocol_of(study: Study) -> Protocol:
    """Return the study's protocol with the study's options."""
    return PROTOCOLS[study.protocol].of(study)
