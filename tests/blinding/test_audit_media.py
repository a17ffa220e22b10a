"""The audit listens and looks: every leak that is planted in a file is found, and no other."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, PngImagePlugin

from annotation.audit import audit_blinding
from annotation.launch import launch_study
from annotation.models import Study
from annotation.way import set_way
from generation.backends.media import MediaContent
from generation.media import store_media
from generation.models import Output, ServedCopy, System
from tests.factories import make_study
from tests.media.makers import import_media, sine, sound_study, with_reference
from tests.media.test_images_and_videos import film, picture

pytestmark = pytest.mark.django_db
SERVED: dict[str, Any] = {"rate": 48_000, "channels": 2}


@pytest.fixture
def study(tmp_path) -> Study:
    draft = sound_study(tmp_path)
    System.objects.filter(slug="system-1").update(name="Aurora 7", slug="aurora-seven")
    return launch_study(draft)


def leaks(study: Study) -> set[str]:
    return {finding.what for finding in audit_blinding(study) if finding.is_leak}


def plant(content: Callable[[], bytes], mime: str, system: str = "aurora-seven") -> None:
    """Put a file in place of the copies of a system, as a fault in making them would."""
    copies = ServedCopy.objects.filter(source__outputs__system__slug=system)
    for copy in copies.distinct():
        media = store_media(
            MediaContent(content=content(), mime=mime, seconds=1, sample_rate=48_000)
        )
        source, recipe = copy.source, copy.recipe
        copy.delete()
        ServedCopy.objects.create(source=source, recipe=recipe, media=media)


def test_sounds_that_came_in_all_shapes_are_served_without_a_leak(study):
    assert leaks(study) == set()
    assert list(audit_blinding(study)) == []


@pytest.mark.parametrize(
    "content",
    [
        lambda: sine(title="Aurora 7", **SERVED),
        lambda: sine(comment="made by aurora-seven", **SERVED),
        lambda: sine(artist="aurora-seven-p1", **SERVED),  # a file's name
        lambda: sine(**SERVED) + b"LIST\x12\0\0\0\xff\xfe" + "Aurora 7".encode("utf-16-le"),
    ],
)  # fmt: skip
def test_a_name_in_the_notes_of_a_sound_is_found(study, content):
    plant(content, "audio/wav")
    assert {"Aurora 7", "aurora-seven"} & {what.split("-p1")[0] for what in leaks(study)}


ID3V2 = b"ID3\3\0\0\0\0\0\x13TIT2\0\0\0\x09\0\0\0Aurora 7"


@pytest.mark.parametrize(
    "content",
    [
        lambda: sine(format="MP3", title="Aurora 7", **SERVED),  # ID3v1, at the end
        lambda: ID3V2 + sine(format="MP3", **SERVED),
    ],
)
def test_a_name_in_an_id3_tag_is_found(study, content):
    plant(content, "audio/mpeg")
    found = leaks(study)
    assert "Aurora 7" in found
    assert any("MP3" in what for what in found)  # only one system has it


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: sine(rate=16_000, channels=2), "WAV PCM_16 16000 Hz, 2 channels"),
        (lambda: sine(rate=48_000, channels=1), "WAV PCM_16 48000 Hz, 1 channels"),
        (lambda: sine(format="FLAC", **SERVED), "FLAC PCM_16 48000 Hz, 2 channels"),
        (lambda: b"nothing of the kind", "a file that cannot be read"),
    ],
)
def test_a_shape_that_only_one_system_has_is_found(study, content, words):
    plant(content, "audio/wav")
    assert words in leaks(study)


def test_the_name_of_an_imported_file_is_found_in_a_page(study, settings):
    record = Output.objects.filter(system__slug="aurora-seven").first().provenance
    settings.PLANTED = record["media"]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.blinding.middleware.plant"]
    assert leaks(study) >= {record["media"]}


def test_another_content_type_is_a_header_that_tells(study):
    plant(lambda: sine(height=0.05, **SERVED), "audio/x-wav")
    assert any("audio/x-wav" in what for what in leaks(study))


def test_a_file_that_is_gone_is_found(study):
    copy = ServedCopy.objects.select_related("media").first()
    content = default_storage.open(copy.media.storage_name).read()
    default_storage.delete(copy.media.storage_name)
    try:
        assert "a file that cannot be read" in leaks(study)
    finally:
        default_storage.save(copy.media.storage_name, ContentFile(content))


def test_systems_that_are_not_equally_loud_are_a_warning(tmp_path):
    study = sound_study(tmp_path)
    set_way(study, loudness=None)
    findings = audit_blinding(launch_study(study))
    [warning] = findings
    assert (warning.is_leak, warning.label) == (False, "Systems are not equally loud")
    assert "system-1" in warning.what


def test_an_output_that_is_the_open_reference_is_found(tmp_path):
    study = sound_study(tmp_path, protocol="dcr", prompts=1)
    output = Output.objects.get(system__slug="system-1")
    study = with_reference(study, output.media)
    [leak] = [finding for finding in audit_blinding(study) if finding.is_leak]
    assert leak.what in ("the same file at reference and 0", "the same file at reference and 1")


def test_outputs_that_are_one_file_are_a_warning(tmp_path):
    [*findings] = audit_blinding(imported(tmp_path, sine(), sine()))
    assert {(f.is_leak, f.label) for f in findings} == {(False, "Two outputs are one file")}
    assert [f.what for f in findings] == ["the same file at 0 and 1"] * 2


def imported(tmp_path, *contents: bytes) -> Study:
    study = make_study()
    System.objects.filter(slug="system-1").update(name="Aurora 7", slug="aurora-seven")
    slugs = study.systems.values_list("slug", flat=True)
    files = {slug: [file] * 2 for slug, file in zip(slugs, contents, strict=True)}
    import_media(study, tmp_path, files)
    return launch_study(study)


def noted_png(**notes: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in notes.items():
        info.add_text(key, value, zip=True)
    content = io.BytesIO()
    Image.new("RGB", (8, 6)).save(content, "PNG", pnginfo=info)
    return content.getvalue()


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0131] = "Aurora 7"
    return picture("JPEG", exif=exif)


@pytest.mark.parametrize(
    ("content", "mime", "words"),
    [
        (lambda: noted_png(Software="Aurora 7"), "image/png", "Aurora 7"),
        (with_exif, "image/jpeg", "Aurora 7"),
        (lambda: picture("PNG", "RGBA"), "image/png", "PNG RGBA"),
    ],
)
def test_what_is_planted_in_an_image_is_found(tmp_path, content, mime, words):
    study = imported(tmp_path, with_exif(), picture("PNG", "RGBA"))
    assert leaks(study) == set()
    plant(content, mime)
    assert words in leaks(study)


def test_videos_are_served_without_a_leak(tmp_path):
    one, two = film(tmp_path, seconds=0.5), film(tmp_path, name="film.webm", sound=False)
    assert leaks(imported(tmp_path, one, two)) == set()
