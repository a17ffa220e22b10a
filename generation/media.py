"""Files that systems made, in the media storage of the settings, under the hash of their content.

`default_storage` decides where: a folder, or a bucket. Nothing is served by its storage path.
"""

from __future__ import annotations

import hashlib

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from evalsite.lib.db import write_transaction
from generation.backends.media import MediaContent
from generation.exceptions import MediaDamaged
from generation.models import Media


def store_media(media: MediaContent) -> Media:
    """Store the file once, then its row; equal content is one file and one row."""
    sha256 = hashlib.sha256(media.content).hexdigest()
    _put(Media.storage_name_of(sha256), sha256, media.content)
    with write_transaction():
        row, _ = Media.objects.get_or_create(
            sha256=sha256,
            defaults={
                "mime": media.mime,
                "bytes": len(media.content),
                "seconds": media.seconds,
                "sample_rate": media.sample_rate,
            },
        )
    return row


def read_media(media: Media) -> bytes:
    """Return the file's content; raise `MediaDamaged` where it is gone or not what was stored."""
    content = _content(media.storage_name)
    if content is None or hashlib.sha256(content).hexdigest() != media.sha256:
        raise MediaDamaged
    return content


def _put(name: str, sha256: str, content: bytes) -> None:
    there = _content(name)
    if there is not None:
        if hashlib.sha256(there).hexdigest() == sha256:
            return
        # A worker that was killed has left a part of it.
        default_storage.delete(name)
    saved = default_storage.save(name, ContentFile(content))
    if saved != name:  # another worker was quicker
        default_storage.delete(saved)


def _content(name: str) -> bytes | None:
    try:
        with default_storage.open(name) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None
