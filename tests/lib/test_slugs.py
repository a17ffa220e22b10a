"""Slugs are derived, free, and never the address of a form."""

from __future__ import annotations

import pytest

from evalsite.lib.exceptions import InputRefused
from evalsite.lib.slugs import free_slug
from generation.models import System
from tests.factories import make_system

pytestmark = pytest.mark.django_db


def slug_for(name: str, **kwargs) -> str:
    return free_slug(System.objects.all(), name, **kwargs)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("GPT 4 (turbo)", "gpt-4-turbo"),
        ("Ünïcode Système", "unicode-systeme"),
        ("漢字", "unnamed"),
        ("new", "new-2"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_slug_is_derived(name, slug):
    assert slug_for(name) == slug


def test_equal_names_get_numbers():
    for expected in ("same", "same-2", "same-3"):
        assert make_system(name="same", slug=slug_for("same")).slug == expected
    for expected in ("new-2", "new-3"):
        assert make_system(name="new", slug=slug_for("New")).slug == expected


def test_a_given_slug_is_taken_as_it_is_or_refused():
    make_system(slug="taken")
    assert slug_for("Any name", slug="my-own") == "my-own"
    for slug in ("Capital", "two words", "new", "x" * 90, "a/b"):
        with pytest.raises(InputRefused, match="is not a slug"):
            slug_for("", slug=slug)
    with pytest.raises(InputRefused, match="the system 'taken' exists already"):
        slug_for("", slug="taken")
