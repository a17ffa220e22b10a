"""Any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, or a paid one.

A worker opens only the addresses in EVALSITE_OPENAI_URLS. A key is read from the environment
variable that the system names, when a request is made, and is stored nowhere.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as site

from evalsite.lib.text import make_storable, sha256
from generation.backends import GenerationRequest, GenerationResult
from generation.backends.json_posts import Answer, Poster, RequestFailed
from generation.backends.settings import GenerationSettings, Setting

#: The name says that the variable is meant for this: DATABASE_URL must not be sent to a server.
KEY_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")
LIMIT_NAMES = ("max_tokens", "max_completion_tokens")


def _is_base_url(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 500 or not value.isascii():
        return False
    try:
        parts = urlsplit(value)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return False
    plain = value.isprintable() and not re.search(r"[ ?#@\\]", value)
    return parts.scheme in ("http", "https") and bool(host) and plain


def _is_key_variable(value: object) -> bool:
    return value == "" or (isinstance(value, str) and bool(KEY_VARIABLE.fullmatch(value)))


OWN_SETTINGS = {
    "base_url": Setting(
        _is_base_url, "the address of a server in EVALSITE_OPENAI_URLS: http://host:8000/v1", ""
    ),
    "api_key_variable": Setting(
        _is_key_variable, "the name of an environment variable that ends in _API_KEY, or empty", ""
    ),
    "send_seed": Setting(
        lambda v: isinstance(v, bool), "true, or false where the server takes no seed", True
    ),
    "limit_name": Setting(lambda v: v in LIMIT_NAMES, " or ".join(LIMIT_NAMES), LIMIT_NAMES[0]),
}


class Backend:
    """One model's name; the server that has it is a setting of each row's system."""

    def __init__(self, model: str, *, dtype: str) -> None:
        self.model = model
        self.concurrency = max(1, site.EVALSITE_OPENAI_CONCURRENCY)
        # Twice what is in flight, so that one long row does not leave the server idle.
        self.batch_size = 2 * self.concurrency
        self._posters: dict[str, Poster] = {}

    def provenance(self) -> dict[str, Any]:
        return {
            "engine": "openai_http",
            "model": self.model,
            "sampler": "the server's",
            "concurrency": self.concurrency,
        }

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult]:
        with ThreadPoolExecutor(self.concurrency) as pool:
            waiting = [pool.submit(self._result, request) for request in requests]
            try:
                for future in as_completed(waiting):
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    def _result(self, request: GenerationRequest) -> GenerationResult:
        try:
            return self._ask(request)
        except RequestFailed as error:
            return GenerationResult(key=request.key, error=str(error))

    def _ask(self, request: GenerationRequest) -> GenerationResult:
        own = request.settings.own
        base = str(own["base_url"]).rstrip("/")
        if base not in site.EVALSITE_OPENAI_URLS:
            raise RequestFailed(f"The server {base} is not in EVALSITE_OPENAI_URLS.")
        body = request_body(self.model, request)
        path = "/chat/completions" if "messages" in body else "/completions"
        started = time.perf_counter()
        answer = self._poster(base).post(base + path, body, key=_key(str(own["api_key_variable"])))
        return _read(request, body, answer, seconds=time.perf_counter() - started)

    def _poster(self, base: str) -> Poster:
        return self._posters.setdefault(base, Poster(seconds=site.EVALSITE_OPENAI_SECONDS))


def request_body(model: str, request: GenerationRequest) -> dict[str, Any]:
    """Return what is posted: chat turns, or in `plain` mode the prompt as it is."""
    settings, messages = request.settings, list(request.messages)
    if not messages[-1]["content"].strip():
        raise RequestFailed("The prompt is empty.")
    body: dict[str, Any] = {
        "model": model,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        settings.own["limit_name"]: settings.max_new_tokens,
    }
    if settings.mode == "plain":
        body["prompt"] = messages[-1]["content"]
    else:
        if settings.system_prompt is not None:
            messages = [{"role": "system", "content": settings.system_prompt}, *messages]
        body["messages"] = messages
    return {**body, **_optional(settings, request.seed_key)}


def _optional(settings: GenerationSettings, seed_key: bytes) -> dict[str, Any]:
    """Return what only some servers take, and only where it says something."""
    optional: dict[str, Any] = {}
    if settings.top_k:
        optional["top_k"] = settings.top_k
    if settings.stop:
        optional["stop"] = list(settings.stop)
    if settings.own["send_seed"]:
        # Servers keep it as a signed number of 32 bits.
        optional["seed"] = int.from_bytes(seed_key[:4], "little") >> 1
    return optional


def _key(variable: str) -> str:
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise RequestFailed(f"The environment variable {variable} holds no key on this worker.")
    return key


def _read(
    request: GenerationRequest, body: Mapping[str, Any], answer: Answer, *, seconds: float
) -> GenerationResult:
    try:
        choice = answer.body["choices"][0]
        text = choice["message"]["content"] if "messages" in body else choice["text"]
    except (KeyError, IndexError, TypeError):
        raise RequestFailed("The answer holds no choice with a text.") from None
    if not isinstance(text, str):
        raise RequestFailed("The answer's text is no text.")
    usage = answer.body.get("usage")
    return GenerationResult(
        key=request.key,
        text=text,
        finish_reason=_finish_reason(choice, request.settings.stop),
        prompt_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        seconds=seconds,
        provenance={
            "server": request.settings.own["base_url"],
            "request_sha256": sha256(json.dumps(body, sort_keys=True, ensure_ascii=False)),
            "seed": body.get("seed"),
            "tries": answer.tries,
            **{f"answered_{name}": _short(answer.body.get(name)) for name in _ANSWERED},
        },
    )


#: What a server says about itself; for the record only.
_ANSWERED = ("id", "model", "system_fingerprint")


def _short(value: object) -> str | None:
    return make_storable(value[:200]) if isinstance(value, str) else None


def _finish_reason(choice: Mapping[str, Any], stop: Sequence[str]) -> str:
    """Map the server's word; raise `RequestFailed` where the text is not the model's own."""
    reason = choice.get("finish_reason")
    if reason == "length":
        return "length"
    if reason == "stop":
        # vLLM and SGLang name the string that ended a text; others leave it open.
        named = isinstance(choice.get("stop_reason", choice.get("matched_stop")), str)
        return "stop" if named else "" if stop else "eos"
    if reason in ("content_filter", "tool_calls", "function_call"):
        raise RequestFailed(f"The server ended with {reason} instead of a whole text.")
    return ""


def _count(usage: object, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_count else None
