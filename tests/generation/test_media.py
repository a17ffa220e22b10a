"""Sound as an output: checked, stored once under its hash, and never changed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction

from generation import leases
from generation.backends import GenerationResult
from generation.backends.media import MediaNotUsable, read_wav
from generation.exceptions import MediaDamaged
from generation.media import read_media, store_media
from generation.models import Media, Output, System
from generation.services import queue_generation
from tests.factories import make_prompt_set, make_system
from tests.generation.sounds import tone

WHOLE = tone()
FOLDER = "django.core.files.storage.FileSystemStorage"


@pytest.fixture(params=["memory", "folder"])
def storage(request, settings, tmp_path):
    """Any storage of Django's will do; a bucket is one as well."""
    options = {
        "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "folder": {"BACKEND": FOLDER, "OPTIONS": {"location": tmp_path}},
    }
    settings.STORAGES = {**settings.STORAGES, "default": options[request.param]}
    return default_storage


def test_a_sound_is_described_by_what_is_in_it():
    sound = read_wav(tone(0.25, rate=16_000))
    assert (sound.seconds, sound.sample_rate, sound.mime) == (0.25, 16_000, "audio/wav")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello", "no PCM wav file"),
        (b"RIFF", "no PCM wav file"),
        (b"ID3" + b"\x00" * 500, "no PCM wav file"),
        (WHOLE[:30], "no PCM wav file"),
        (WHOLE[:-10], "its header says 1600"),
        (tone(0), "0 bytes"),
        (tone(height=0), "silent"),
        (WHOLE[:20] + b"\x55\x00" + WHOLE[22:], "no PCM wav file"),  # MP3 in a wav
        (WHOLE[:24] + b"\xff\xff\xff\x7f" + WHOLE[28:], "samples a second"),
        (WHOLE[:22] + b"\x00\x00" + WHOLE[24:], "no PCM wav file"),  # no channels
    ],
)
def test_what_is_no_sound_is_refused_with_a_reason(content, words):
    with pytest.raises(MediaNotUsable, match=words):
        read_wav(content)


@pytest.mark.django_db
def test_equal_sounds_are_one_file_and_one_row(storage):
    one, two = store_media(read_wav(WHOLE)), store_media(read_wav(WHOLE))
    other = store_media(read_wav(tone(hertz=880)))
    assert one == two != other
    assert one.sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert (one.bytes, one.seconds, one.sample_rate) == (len(WHOLE), 0.1, 8000)
    assert read_media(one) == WHOLE
    assert storage.listdir(one.sha256[:2])[1] == [one.sha256]


@pytest.mark.django_db
def test_half_a_file_of_a_killed_worker_is_written_anew(storage):
    name = Media.storage_name_of(hashlib.sha256(WHOLE).hexdigest())
    storage.save(name, ContentFile(WHOLE[:100]))
    assert read_media(store_media(read_wav(WHOLE))) == WHOLE


@pytest.mark.django_db
def test_a_damaged_or_missing_file_is_never_shown(storage):
    media = store_media(read_wav(WHOLE))
    storage.delete(media.storage_name)
    with pytest.raises(MediaDamaged):
        read_media(media)
    storage.save(media.storage_name, ContentFile(tone(hertz=1)))
    with pytest.raises(MediaDamaged):
        read_media(media)


@pytest.mark.django_db(transaction=True)
def test_workers_that_store_one_sound_at_once_leave_one_file(settings, tmp_path):
    option = {"BACKEND": FOLDER, "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": option}
    barrier = Barrier(4)

    def store(_: int) -> int:
        barrier.wait()
        try:
            return store_media(read_wav(WHOLE)).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(store, range(4)))) == 1
    media = Media.objects.get()
    assert read_media(media) == WHOLE
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [media.sha256]


@pytest.mark.django_db
def test_a_finished_sound_is_frozen_with_its_output():
    system = make_system(backend=System.Backend.SPEECH, model="flite:slt")
    queue_generation(system=system, prompt_set=make_prompt_set(prompts=1))
    [output] = leases.lease_outputs(worker="w", limit=1, seconds=60)
    sound = GenerationResult(key=output.pk, media=read_wav(WHOLE), finish_reason="eos")
    assert leases.finish_output(output, sound)
    output.refresh_from_db()
    assert (output.text, output.text_hash) == ("", output.media.sha256)
    other = store_media(read_wav(tone(hertz=880)))
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Output.objects.update(media=other)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Media.objects.filter(pk=output.media.pk).update(seconds=9)
