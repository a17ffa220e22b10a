"""MOS: absolute category rating of one output, with the words of ITU-T P.800 (1996)."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from annotation.protocols.base import Scored


class Mos(Scored):
    name = "mos"
    label = "MOS: how good is one, from 1 to 5"
    question = _("How good is this answer?")
    telling_columns = ("system", "score")
    words = (_("Bad"), _("Poor"), _("Fair"), _("Good"), _("Excellent"))
