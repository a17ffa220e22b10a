"""Media files from an import: inside the folder, sound, and all or nothing."""

from __future__ import annotations

import json

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command

from generation.copies import make_copies
from generation.models import Media, Output, PromptSet, ServedCopy
from tests.factories import make_prompt_set, make_system
from tests.media.makers import sine

pytestmark = pytest.mark.django_db


def stored_files() -> list[str]:
    try:
        folders, _ = default_storage.listdir("")
    except FileNotFoundError:
        return []
    return sorted(name for folder in folders for name in default_storage.listdir(folder)[1])


@pytest.fixture
def folder(tmp_path, settings):
    """A folder with an import that names one good file, and a storage of its own."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    make_system(slug="one")
    make_prompt_set(slug="set", prompts=2)
    inside = tmp_path / "inside"
    (inside / "deep").mkdir(parents=True)
    (inside / "good.wav").write_bytes(sine())
    return inside


def rows(folder, *second) -> str:
    lines = [{"prompt_id": "p1", "system": "one", "media": "good.wav"}]
    lines += [{"prompt_id": "p2", "system": "one", **values} for values in second]
    (folder / "f.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(folder / "f.jsonl")


def refused(capsys, file: str) -> str:
    with pytest.raises(SystemExit) as ended:
        call_command("import_outputs", file, prompt_set="set")
    assert ended.value.code == 2
    assert not Output.objects.exists()
    assert not Media.objects.exists()
    assert not ServedCopy.objects.exists()
    assert stored_files() == []
    [line] = capsys.readouterr().err.strip().splitlines()
    return str(line)


def test_files_are_stored_with_their_copies_and_told_by_their_content(folder):
    (folder / "deep" / "other.txt").write_bytes(sine(0.5, hertz=300, format="FLAC", channels=2))
    call_command("import_outputs", rows(folder, {"media": "deep/other.txt"}), prompt_set="set")
    one, two = Output.objects.order_by("pk")
    assert (one.text, one.text_hash) == ("", one.media.sha256)
    assert (two.media.mime, two.media.channels, two.media.seconds) == ("audio/flac", 2, 0.5)
    assert two.media.loudness == pytest.approx(-20, abs=1)
    copies = ServedCopy.objects.select_related("media")
    assert {copy.media.sample_rate for copy in copies} == {48_000}
    assert len(stored_files()) == 4
    assert make_copies(Media.objects.filter(outputs__isnull=False), loudness=-23.0) == 0
    assert make_copies(Media.objects.filter(outputs__isnull=False), loudness=None) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/hostname", "media is '/etc/hostname'"),
        ("../outside.wav", "media is '../outside.wav'"),
        ("deep/../../outside.wav", "expected a path relative to the file, inside its folder"),
        ("..\\outside.wav", "media is '..\\\\outside.wav'"),
        ("link.wav", "media 'link.wav' is no file in the folder"),
        ("linked/outside.wav", "is no file in the folder"),
        ("deep", "media 'deep' is no file in the folder"),
        ("missing.wav", "media 'missing.wav' is not there"),
        ("x" * 5000, "is not there"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(capsys, folder, name, words):
    outside = folder.parent / "outside.wav"
    outside.write_bytes(sine())
    (folder / "link.wav").symlink_to(outside)
    (folder / "linked").symlink_to(folder.parent)
    line = refused(capsys, rows(folder, {"media": name}))
    assert "f.jsonl:2: " in line
    assert words in line


ZIP = b"PK\x05\x06" + b"\x00" * 18
BAD = [
    (b"", "media: the file is empty"),
    (b"plain words", "neither sound nor image nor video"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>', "an SVG, which can"),
    (b"\n<!DOCTYPE html><p>", "the file is a web page"),
    (sine()[:50], "media: the sound is cut: 50 of 32044 bytes; expected a whole file"),
    (sine(format="FLAC")[:2000], "media: the sound"),
    (sine(height=0), "media: the sound is silent"),
    (sine() + ZIP, "the file is audio and also a zip archive; expected audio and no more"),
    (sine() + b"<script>x()</script>", "audio and also a web page"),
    (sine(comment="%PDF-1.7"), "audio and also a PDF"),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_a_file_that_is_no_sound_is_refused_and_nothing_stays(capsys, folder, content, words):
    (folder / "bad.wav").write_bytes(content)
    line = refused(capsys, rows(folder, {"media": "bad.wav"}))
    assert line.startswith("evalsite: f.jsonl:2: ") or "f.jsonl:2: " in line
    assert words in line


def test_limits_are_settings_and_are_said(capsys, folder, settings):
    settings.EVALSITE_MAX_MEDIA_SECONDS = 3
    (folder / "long.wav").write_bytes(sine(4, rate=8_000))
    line = refused(capsys, rows(folder, {"media": "long.wav"}))
    assert "f.jsonl:2: media: the sound is 4 seconds long; expected at most 3" in line
    settings.EVALSITE_MAX_MEDIA_MB = 1
    (folder / "long.wav").write_bytes(sine(40, rate=16_000))
    line = refused(capsys, rows(folder, {"media": "long.wav"}))
    assert "f.jsonl:2: media has 1.2 MiB; expected at most 1" in line


def test_an_output_is_a_text_or_a_file_and_not_both(capsys, folder):
    assert "both given" in refused(capsys, rows(folder, {"media": "good.wav", "output": "x"}))
    assert "output is empty" in refused(capsys, rows(folder, {}))


def test_a_file_that_others_use_already_survives_a_refusal(capsys, folder):
    call_command("import_outputs", rows(folder), prompt_set="set")
    before = stored_files()
    with pytest.raises(SystemExit):
        call_command("import_outputs", rows(folder, {"media": "none.wav"}), prompt_set="set")
    assert stored_files() == before
    assert Output.objects.count() == 1


def test_a_prompt_file_is_all_or_nothing_too(capsys, folder):
    (folder / "p.csv").write_text("id,prompt,media\n1,,good.wav\n2,,missing.wav\n")
    with pytest.raises(SystemExit):
        call_command("import_prompts", folder / "p.csv", prompt_set="new")
    assert "p.csv:3: media 'missing.wav' is not there" in capsys.readouterr().err
    assert stored_files() == []
    assert PromptSet.objects.count() == 1


def test_files_change_the_hash_of_a_prompt_set(folder):
    (folder / "two.wav").write_bytes(sine(hertz=300))
    for name, file in (("one", "good.wav"), ("two", "two.wav"), ("three", "good.wav")):
        (folder / "p.csv").write_text(f"id,prompt,media\n1,,{file}\n")
        call_command("import_prompts", folder / "p.csv", prompt_set=name, verbosity=0)
    hashes = [PromptSet.objects.get(slug=s).content_hash for s in ("one", "two", "three")]
    assert hashes[0] == hashes[2] != hashes[1]


def test_over_the_web_a_row_cannot_name_a_file(client, folder):
    from django.core.files.uploadedfile import SimpleUploadedFile

    client.force_login(PromptSet.objects.get().owner)
    upload = SimpleUploadedFile("o.csv", b"prompt_id,system,media\np1,one,good.wav\n")
    page = client.post("/prompt-sets/set/upload/", {"file": upload})
    assert "no files here: import them with manage.py" in page.content.decode()
    assert not Output.objects.exists()
