"""Raters over HTTP in a closed loop: each answers as soon as the next task is there."""

from __future__ import annotations

import http.client
import re
import statistics
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlencode

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
_TOKEN = re.compile(r'name="token" value="([0-9a-f-]{36})"')
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass(kw_only=True)
class Tally:
    """What one rater saw: how long answers took, in seconds, which tasks, what went wrong."""

    seconds: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_done: bool = False


class Client(ABC):
    """One connection that stays open, and what it saw."""

    def __init__(self, port: int) -> None:
        self.tally = Tally()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    @abstractmethod
    def enter(self) -> None: ...

    @abstractmethod
    def judge(self) -> None: ...

    def reconnect(self) -> None:
        self._connection.close()


class RaterClient(Client):
    """One rater's browser, reduced to what judging needs."""

    def __init__(self, port: int, study: str, invite: str) -> None:
        super().__init__(port)
        self._cookies: dict[str, str] = {}
        self._path = f"/rate/{study}/judge/"
        self._invite = f"/r/{invite}/"
        self._csrf = self._token = ""

    def enter(self) -> None:
        self._ask("GET", self._invite)
        self._read(self._ask("GET", self._path))

    def judge(self) -> None:
        """Answer the task on screen and read the next one from the reply."""
        form = {"token": self._token, "choice": "left", "csrfmiddlewaretoken": self._csrf}
        started = time.perf_counter()
        page = self._ask("POST", self._path, urlencode(form))
        self.tally.seconds.append(time.perf_counter() - started)
        self._read(page)

    def _ask(self, method: str, path: str, body: str | None = None) -> str:
        headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        self._connection.request(method, path, body, headers | (_FORM if body else {}))
        response = self._connection.getresponse()
        text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        if response.status not in (200, 302):
            self.tally.errors.append(f"{method} {path}: {response.status}")
        return text

    def _read(self, page: str) -> None:
        token, csrf = _TOKEN.search(page), _CSRF.search(page)
        if token is None or csrf is None:
            self.tally.is_done = True
            if "Thank you" not in page:
                self.tally.errors.append("a page without a task")
            return
        self._token, self._csrf = token[1], csrf[1]
        self.tally.tokens.append(self._token)


class VoteClient(Client):
    """The yardstick's loop: a vote, and the next task in the reply."""

    def __init__(self, port: int, path: str, rater: str) -> None:
        super().__init__(port)
        self._path = path
        self._headers = _FORM | {"x-rater": rater}

    def enter(self) -> None:
        self.judge()

    def judge(self) -> None:
        started = time.perf_counter()
        self._connection.request("POST", self._path, "choice=left", self._headers)
        response = self._connection.getresponse()
        response.read()
        self.tally.seconds.append(time.perf_counter() - started)
        if response.status != 200:
            self.tally.errors.append(f"POST {self._path}: {response.status}")


@dataclass(kw_only=True)
class Loop:
    """What a crowd did: its clients' tallies, the wall clock, and what the server spent on it."""

    tallies: list[Tally]
    wall: float = 0.0
    cpu: float = 0.0

    @property
    def answers(self) -> int:
        return sum(len(tally.seconds) for tally in self.tallies)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the server for one answer."""
        return 1000 * self.cpu / max(self.answers, 1)

    @property
    def errors(self) -> list[str]:
        return [error for tally in self.tallies for error in tally.errors]

    def in_words(self) -> str:
        times = sorted(1000 * s for tally in self.tallies for s in tally.seconds) or [0.0]
        late = times[int(0.99 * len(times))]
        return (
            f"{self.cpu_ms:.2f} ms CPU an answer; {self.answers:,} answers,"
            f" {self.answers / self.wall:.0f} a second, median {statistics.median(times):.1f} ms,"
            f" 99 of 100 within {late:.0f} ms, errors: {len(self.errors)}"
        )


class Crowd:
    """Clients in a closed loop; `cpu` says what their server has spent so far, in seconds."""

    def __init__(self, clients: Iterable[Client], cpu: Callable[[], float]) -> None:
        self._clients = list(clients)
        self._cpu = cpu
        for client in self._clients:
            client.enter()
            client.tally.seconds.clear()
        self.loop = Loop(tallies=[client.tally for client in self._clients])

    def judge(self, *, seconds: float, threads: int) -> None:
        """Let threads take the clients in turn for some seconds more."""
        for client in self._clients:
            client.reconnect()  # the server has closed what was idle for long
        before, started = self._cpu(), time.perf_counter()
        shares = [deque(self._clients[i::threads]) for i in range(threads)]
        runners = [
            threading.Thread(target=_take_turns, args=(share, started + seconds))
            for share in shares
        ]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        self.loop.wall += time.perf_counter() - started
        self.loop.cpu += self._cpu() - before


def _take_turns(waiting: deque[Client], until: float) -> None:
    while waiting and time.perf_counter() < until:
        client = waiting.popleft()
        try:
            client.judge()
        except (OSError, http.client.HTTPException) as error:
            client.tally.errors.append(repr(error))
            continue
        if not client.tally.is_done:
            waiting.append(client)
