"""DCR: the reference first, then the output; how much does the difference annoy?

ITU-T P.800 (1996), annex D, in the words of P.910 (2023), which suit every medium.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from annotation.protocols.base import Scored


class Dcr(Scored):
    name = "dcr"
    label = "DCR: how much worse than a reference, from 1 to 5"
    question = _("How much worse is the answer than the reference?")
    words = (
        _("Very annoying"),
        _("Annoying"),
        _("Slightly annoying"),
        _("Perceptible, but not annoying"),
        _("Imperceptible"),
    )

    @property
    def shows_reference(self) -> bool:
        return True
