"""Every language says everything, with the same blanks and the same markup."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.conf import settings

from evalsite.lib.catalogs import compile_stale_catalogs, stale_catalogs
from tests.translations.messages import ROOT, messages

LOCALE = ROOT / "annotation" / "locale"
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]


def catalog_of(language: str) -> dict[str, Message]:
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as file:
        return {str(message.id): message for message in read_po(file) if message.id}


def marks_in(text: str) -> Counter[str]:
    """Count the blanks and tags of a text."""
    return Counter(re.findall(r"%\(\w+\)s|<[^>]+>", text))


def test_the_messages_are_gathered_from_templates_code_and_refusals():
    found = messages()
    assert "Task %(number)s of %(quota)s" in found
    assert "Both bad" in found
    assert "One answer is missing." in found


def test_a_folder_is_a_language_of_the_settings():
    assert sorted(path.name for path in LOCALE.iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalog_has_every_text_and_no_other(language):
    catalog = catalog_of(language)
    assert sorted(messages() - catalog.keys()) == []
    assert sorted(catalog.keys() - messages()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_is_there_and_keeps_blanks_and_tags(language):
    for text, message in catalog_of(language).items():
        assert message.string, text
        assert not message.fuzzy, text
        assert marks_in(str(message.string)) == marks_in(text), text


def test_a_catalog_is_compiled_again_when_it_changes():
    path = LOCALE / "de" / "LC_MESSAGES" / "django.po"
    path.with_suffix(".mo").unlink()
    assert list(stale_catalogs()) == [path]
    assert compile_stale_catalogs() == [path]
    assert list(stale_catalogs()) == []
    assert not [part for part in Path(path.parent).iterdir() if part.suffix == ".part"]
