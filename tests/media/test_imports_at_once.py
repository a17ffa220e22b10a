"""Two imports with files in common, at once: one that is refused takes nothing from the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import connection, transaction

from evalsite.lib.db import write_transaction
from evalsite.lib.tabular import Row
from generation import media, media_imports
from generation.copies import store_with_copy
from generation.exceptions import FileTakenBack
from generation.media import read_media
from generation.media_imports import Shelf
from generation.models import Media
from tests.media.makers import sine

pytestmark = pytest.mark.django_db(transaction=True)
#: Long enough for what does not wait [s].
A_WHILE = 0.3


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    """A folder with a file to import, and a storage in another folder, as all processes share."""
    option = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "media"},
    }
    settings.STORAGES = {**settings.STORAGES, "default": option}
    for number in range(3):
        (tmp_path / f"{number}.wav").write_bytes(sine(hertz=300 + 50 * number))
    return Path(tmp_path)


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Run something in a thread with a connection of its own."""

    def run(action: Callable[[], Any]) -> Any:
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        yield lambda action: pool.submit(run, action)


def waits(future: Future[Any]) -> bool:
    return not wait([future], timeout=A_WHILE).done


def taken(folder: Path, *numbers: int) -> Shelf:
    shelf = Shelf(folder=folder)
    for number in numbers or (0,):
        shelf.take(Row(file="f.csv", line=1, values={"media": f"{number}.wav"}), "media")
    return shelf


def whole_files() -> int:
    """Count the rows; each file is there and is what was stored."""
    return len([read_media(row) for row in Media.objects.all()])


def test_a_file_that_somebody_else_has_named_meanwhile_stays(folder):
    refused, other = taken(folder), taken(folder)
    other.save()
    refused.take_back()
    assert whole_files() == 2


def test_a_file_that_is_being_named_stays(folder, beside):
    refused, other = taken(folder), taken(folder)
    with write_transaction():
        other.save()
        taking_back = beside(refused.take_back)
        assert waits(taking_back)
    taking_back.result()
    assert whole_files() == 2


def test_a_file_that_nobody_names_in_the_end_goes(folder, beside):
    refused, other = taken(folder), taken(folder)
    with write_transaction():
        other.save()
        taking_back = beside(refused.take_back)
        assert waits(taking_back)
        transaction.set_rollback(True)
    taking_back.result()
    assert not [path for path in (folder / "media").rglob("*") if path.is_file()]
    assert not Media.objects.exists()


def test_an_import_is_told_that_a_file_was_taken_back_and_stores_nothing(folder):
    refused, other = taken(folder), taken(folder)
    refused.take_back()
    with pytest.raises(FileTakenBack), write_transaction():
        other.save()
    assert not Media.objects.exists()
    taken(folder).save()
    assert whole_files() == 2


def test_who_names_a_file_waits_for_one_who_takes_it_back(folder, beside, monkeypatch):
    refused, other = taken(folder), taken(folder)
    deleting, go_on, delete = Event(), Event(), FileSystemStorage.delete

    def slowly(storage: FileSystemStorage, name: str) -> None:
        deleting.set()
        assert go_on.wait(timeout=60)
        delete(storage, name)

    monkeypatch.setattr(FileSystemStorage, "delete", slowly)
    taking_back = beside(refused.take_back)
    assert deleting.wait(timeout=60)
    saving = beside(other.save)
    assert waits(saving)
    go_on.set()
    taking_back.result()
    with pytest.raises(FileTakenBack):
        saving.result()
    assert not Media.objects.exists()


def test_a_worker_stores_a_file_again_that_was_taken_back(folder, monkeypatch):
    refused, put = taken(folder), media.put_content

    def put_and_lose(row: Media, content: bytes) -> bool:
        monkeypatch.undo()
        was_new = put(row, content)
        refused.take_back()
        return bool(was_new)

    monkeypatch.setattr(media, "put_content", put_and_lose)
    store_with_copy((folder / "0.wav").read_bytes())
    assert whole_files() == 2


def test_imports_of_the_same_files_never_wait_in_a_circle(folder, monkeypatch):
    orders: list[list[str]] = []
    save = media_imports.save_media
    monkeypatch.setattr(
        media_imports, "save_media", lambda row: (orders[-1].append(row.sha256), save(row))[1]
    )
    for numbers in ((0, 1, 2), (2, 1, 0)):
        shelf = taken(folder, *numbers)
        orders.append([])
        shelf.save()
    assert orders[0] == orders[1]
    assert whole_files() == 6
