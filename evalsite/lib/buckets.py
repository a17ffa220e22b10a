"""A bucket of S3, or of what speaks like it, as the media storage. Needs the extra `s3`.

Browsers never learn where it is: the web process reads from it and sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):  # type: ignore[misc]
    """django-storages' own, which can also read a part without fetching the whole."""

    def read_part(self, name: str, start: int, stop: int, chunk: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `stop`; raise `FileNotFoundError` at once."""
        key = self._normalize_name(name)
        try:
            answer: Any = self.bucket.Object(key).get(Range=f"bytes={start}-{stop - 1}")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise FileNotFoundError(name) from None
            raise
        parts: Iterator[bytes] = answer["Body"].iter_chunks(chunk)
        return parts
