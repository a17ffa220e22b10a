"""Numbers as people read them."""

from __future__ import annotations

import pytest

from evalsite.templatetags.evalsite_text import minus, moment, percent


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.123456, "12.3%"),
        (-0.2, "\N{MINUS SIGN}20.0%"),
        (-0.0001, "0.0%"),
        (0.0001, "0.0%"),
        (-0.0006, "\N{MINUS SIGN}0.1%"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_a_share_has_one_sign_and_nought_has_none(share, shown):
    assert percent(share) == shown


def test_a_level_has_a_true_minus():
    assert minus("-23.0") == "\N{MINUS SIGN}23.0"


def test_a_moment_is_to_the_minute_and_in_utc():
    assert moment("2026-11-25T10:03:41+01:00") == "2026-11-25 09:03 UTC"
