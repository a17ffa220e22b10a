"""Players that ask for a part of a file get that part."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from evalsite.lib.byte_ranges import ranged_response

CONTENT = bytes(range(10))


def get(asked: str | None):
    headers = {} if asked is None else {"Range": asked}
    request = RequestFactory().get("/", headers=headers)
    return ranged_response(request, CONTENT, content_type="audio/wav")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-1", 0, 1), ("bytes=4-", 4, 9), ("bytes=-3", 7, 9), ("bytes=2-99", 2, 9),
     ("bytes=-99", 0, 9), ("bytes=9-9", 9, 9), ("bytes=0-0", 0, 0)],
)  # fmt: skip
def test_a_part(asked, first, last):
    response = get(asked)
    assert response.status_code == 206
    assert response.content == CONTENT[first : last + 1]
    assert response["Content-Range"] == f"bytes {first}-{last}/10"
    assert response["Content-Type"] == "audio/wav"


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=5-2", "bytes=-0", "bytes=99-100"])
def test_no_such_part(asked):
    response = get(asked)
    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("asked", [None, "bytes=-", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b", ""])
def test_else_the_whole(asked):
    response = get(asked)
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response["Accept-Ranges"] == "bytes"
