"""Servers on loopback that speak OpenAI's protocol: one that misbehaves on demand, one real."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What the server does with one request.
Act = Callable[[BaseHTTPRequestHandler], None]

LLAMA_CPP = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames, params.port = sys.argv[1], ["127.0.0.1"], 0
params.n_ctx, params.n_parallel = 2048, 4
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def llama_cpp(model: str) -> Iterator[str]:
    """Run llama.cpp's own server on a GGUF file; yield its base URL."""
    server = subprocess.Popen(
        [sys.executable, "-c", LLAMA_CPP, model],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert server.stdout
        yield server.stdout.readline().strip() + "/v1"
    finally:
        server.communicate("", timeout=30)


def chat_answer(text: Any = "Good day.", **choice: Any) -> dict[str, Any]:
    filled = {"message": {"content": text}, "finish_reason": "stop", **choice}
    return {"choices": [filled], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}


def answer(body: Any = None, *, status: int = 200, **headers: str) -> Act:
    """Answer with JSON, or with bytes as they are."""
    body = chat_answer() if body is None else body
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return act


class Misbehaving:
    """Takes the next act for each request, the last one for ever; keeps what it was sent."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.seen: list[dict[str, Any]] = []
        self.most_at_once = self._at_once = 0
        self.lock = threading.Lock()
        #: Set when the test ends: what waits for it lets go.
        self.over = threading.Event()

    def next_act(self, handler: BaseHTTPRequestHandler) -> Act:
        length = int(handler.headers["Content-Length"])
        body = json.loads(handler.rfile.read(length))
        with self.lock:
            self.seen.append({"path": handler.path, "headers": handler.headers, "body": body})
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]

    def end_of_act(self) -> None:
        with self.lock:
            self._at_once -= 1

    @contextmanager
    def running(self) -> Iterator[str]:
        """Serve on loopback; yield the base URL."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                act = outer.next_act(self)
                try:
                    act(self)
                except OSError:
                    pass  # the client has hung up
                finally:
                    outer.end_of_act()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()
