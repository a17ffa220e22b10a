"""Protocols: one file each, with its choices, how an answer is read, and how it is stored."""

from __future__ import annotations

from annotation.models import Study
from annotation.protocols.base import Answer, Choice, Protocol
from annotation.protocols.mos import MOS
from annotation.protocols.pairwise import PAIRWISE

PROTOCOLS: dict[str, Protocol] = {
    Study.Protocol.PAIRWISE: PAIRWISE,
    Study.Protocol.MOS: MOS,
}

__all__ = ["PROTOCOLS", "Answer", "Choice", "Protocol", "protocol_of"]


def protocol_of(study: Study) -> Protocol:
    return PROTOCOLS[study.protocol]
