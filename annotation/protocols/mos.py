"""MOS: absolute category rating of one output, with the words of ITU-T P.800 (1996)."""

from __future__ import annotations

from annotation.protocols.base import Scored


class Mos(Scored):
    name = "mos"
    label = "MOS: how good is one, from 1 to 5"
    question = "How good is this answer?"
    telling_columns = ("system", "score")
    words = ("Bad", "Poor", "Fair", "Good", "Excellent")
