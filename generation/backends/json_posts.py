"""JSON by POST to a server of the operator's choice: bounded in time, size, tries and number.

Redirects are not followed and no proxy of the environment is used: a request goes to the address
that was allowed, or nowhere.
"""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

MAX_BYTES = 8 * 2**20
CONNECT_SECONDS = 10.0
MAX_TRIES = 8
#: Waits double from the first to the longest; a server may ask for longer, up to a limit.
FIRST_WAIT, LONGEST_WAIT, LONGEST_ASKED = 0.5, 60.0, 300.0
#: Too early, too many, or a fault that may pass.
PASSING = {408, 409, 425, 429, 500, 502, 503, 504}
#: What a message of a server may fill.
SHOWN_CHARS = 300


class RequestFailed(Exception):
    """The server gave no usable answer; the message says why."""


class _TryAgain(RequestFailed):
    """It may go better later, after `wait` seconds where the server named them."""

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The object that the server sent, and how many requests it took."""

    body: dict[str, Any]
    tries: int


class Poster:
    """Posts to one server; threads may share it. What holds up one of them holds up all."""

    def __init__(self, *, seconds: float, rng: random.Random | None = None) -> None:
        self.seconds = seconds
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not secrets
        self._open_at = 0.0
        self._lock = threading.Lock()

    def post(self, url: str, body: Mapping[str, Any], *, key: str = "") -> Answer:
        """Send `body`, again after faults that may pass; raise `RequestFailed`.

        `key` goes into the Authorization header and is cut from every message.
        """
        for tries in range(1, MAX_TRIES + 1):
            self._wait_until_open()
            try:
                return Answer(body=self._once(url, body, key), tries=tries)
            except _TryAgain as fault:
                if tries == MAX_TRIES:
                    message = f"{fault} ({MAX_TRIES} tries)"
                    raise RequestFailed(_without(key, message)) from None
                self._back_off(tries, fault.wait)
            except RequestFailed as fault:
                raise RequestFailed(_without(key, str(fault))) from None
        raise AssertionError("the last try returns or raises")

    def _back_off(self, tries: int, asked: float | None) -> None:
        """Wait as long as the server asked for, else twice as long as last time, with jitter."""
        if asked is not None:
            with self._lock:
                self._open_at = max(self._open_at, _clock() + min(asked, LONGEST_ASKED))
            return
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1))
        _sleep(self._rng.uniform(longest / 2, longest))

    def _wait_until_open(self) -> None:
        while (left := self._open_at - _clock()) > 0:
            _sleep(left)

    def _once(self, url: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        late = threading.Event()
        try:
            connection.connect()
            with self._deadline(connection.sock, late):
                connection.request("POST", parts.path, json.dumps(body).encode(), headers)
                response = connection.getresponse()
                content = _bounded(response)
        except (OSError, HTTPException) as error:
            if late.is_set():
                raise _TryAgain(f"No answer within {self.seconds:g} s.") from None
            what = f"{type(error).__name__}: {error}"[:SHOWN_CHARS]
            raise _TryAgain(f"The connection failed: {what}") from None
        finally:
            connection.close()
        return _checked(response, content)

    @contextmanager
    def _deadline(self, sock: socket.socket, late: threading.Event) -> Iterator[None]:
        """Shut the connection when time is up: a socket's own time-out is for each packet."""

        def shut() -> None:
            late.set()
            with suppress(OSError):  # it has gone already
                sock.shutdown(socket.SHUT_RDWR)

        sock.settimeout(None)
        timer = threading.Timer(self.seconds, shut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _bounded(response: HTTPResponse) -> bytes:
    content = response.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise RequestFailed(f"The answer is larger than {MAX_BYTES // 2**20} MiB.")
    if response.length:
        raise IncompleteRead(content, response.length)
    return content


def _checked(response: HTTPResponse, content: bytes) -> dict[str, Any]:
    """Return the JSON object of a 200; raise what became of any other answer."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if response.status == 200:
        if not isinstance(body, dict):
            raise RequestFailed("The answer is no JSON object.")
        return body
    message = f"HTTP {response.status}: {_said(body) or response.reason}"[:SHOWN_CHARS]
    if response.status in PASSING:
        raise _TryAgain(message, wait=_asked_wait(response.headers.get("Retry-After")))
    raise RequestFailed(message)


def _said(body: object) -> str:
    """Return the message of an error answer, in the shapes that servers have for it."""
    found: object = body
    for key in ("error", "message"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    if isinstance(found, dict):
        found = found.get("detail", "")
    return " ".join(str(found or "").split())


def _asked_wait(value: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a date; None where it is neither."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _without(key: str, message: str) -> str:
    return message.replace(key, "[key]") if key else message


_sleep, _clock = time.sleep, time.monotonic
