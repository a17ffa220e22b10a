"""Files that are not text, in the media storage of the settings, under the hash of their content.

`default_storage` decides where: a folder, or a bucket. Nothing is served by its storage path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import takewhile

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from evalsite.lib.db import write_transaction
from generation.backends.media import MediaContent
from generation.exceptions import FileTakenBack, MediaDamaged
from generation.models import Media

_CHUNK = 1 << 16


def store_media(media: MediaContent) -> Media:
    """Store the file once, then its row; equal content is one file and one row."""
    row = described_media(media)
    put_content(row, media.content)
    return save_media(row, media.content)


def described_media(media: MediaContent) -> Media:
    """Return the row that the file will have, not saved."""
    return Media(
        sha256=hashlib.sha256(media.content).hexdigest(),
        mime=media.mime,
        bytes=len(media.content),
        seconds=media.seconds,
        sample_rate=media.sample_rate,
        channels=media.channels,
        loudness=media.loudness,
        width=media.width,
        height=media.height,
    )


@write_transaction()
def save_media(row: Media, content: bytes | None = None) -> Media:
    """Return the row with that content, made now if there is none; its file is stored already.

    An import that was refused may have taken the file back since then: it is stored again from
    `content`. Raises `FileTakenBack` without.
    """
    saved, is_new = _row_of(row)
    # From here on nobody takes it back: `drop_content` waits for a new row, and heeds an old one.
    if is_new and not default_storage.exists(row.storage_name):
        if content is None:
            raise FileTakenBack
        put_content(row, content)
    return saved


def _row_of(row: Media) -> tuple[Media, bool]:
    """Return the stored row of that content, and whether it was made now."""
    columns = (
        "mime", "bytes", "seconds", "sample_rate", "channels", "loudness", "width", "height",
    )  # fmt: skip
    defaults = {column: getattr(row, column) for column in columns}
    return Media.objects.get_or_create(sha256=row.sha256, defaults=defaults)


def read_media(media: Media) -> bytes:
    """Return the file's content; raise `MediaDamaged` where it is gone or not what was stored."""
    content = _content(media.storage_name)
    if content is None or hashlib.sha256(content).hexdigest() != media.sha256:
        raise MediaDamaged
    return content


def read_part(media: Media, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes from `start` up to `stop`, in constant memory.

    Raises `MediaDamaged` at once where the file is gone; what is in it is not checked.
    """
    try:
        if hasattr(default_storage, "read_part"):  # a bucket: see evalsite.lib.buckets
            part: Iterator[bytes] = default_storage.read_part(
                media.storage_name, start, stop, _CHUNK
            )
            return part
        file = default_storage.open(media.storage_name)
    except FileNotFoundError:
        raise MediaDamaged from None

    def parts() -> Iterator[bytes]:
        with file:
            file.seek(start)
            sizes = (min(_CHUNK, stop - at) for at in range(start, stop, _CHUNK))
            yield from takewhile(bool, (file.read(size) for size in sizes))

    return parts()


def put_content(row: Media, content: bytes) -> bool:
    """Store the file under its hash; False: it was there already."""
    name = row.storage_name
    there = _content(name)
    if there is not None:
        if hashlib.sha256(there).hexdigest() == row.sha256:
            return False
        # A worker that was killed has left a part of it.
        default_storage.delete(name)
    saved = default_storage.save(name, ContentFile(content))
    if saved != name:  # another worker was quicker
        default_storage.delete(saved)
        return False
    return True


@write_transaction()
def drop_content(row: Media) -> None:
    """Take a file back, unless a row names it by now: equal content of others is the same file.

    Its row is made for as long as that takes, so that others who store the same content wait.
    """
    _, is_new = _row_of(row)
    if is_new:
        default_storage.delete(row.storage_name)
        transaction.set_rollback(True)


def _content(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None
