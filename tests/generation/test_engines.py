"""Slots that are refilled and batches that are not: each row says what it says alone.

With tiny random models of every kind; `test_transformers.py` has the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch  # noqa: TID253 - it runs the models

from generation.backends import load_backend
from generation.backends.prefixes import share_prefixes
from generation.exceptions import DeviceLost
from tests.generation.tiny_models import ask, save_model

KINDS = ("llama", "mistral", "gemma3", "gpt2", "mamba", "t5")
REFILLS = {"llama", "mistral", "gemma3", "gpt2"}
SYSTEM = "You are a helpful assistant that answers briefly and to the point. "


@pytest.fixture
def load(settings, tmp_path):
    torch.set_num_threads(1)
    settings.EVALSITE_MODEL_ROOTS = [tmp_path.resolve()]

    def make(kind: str = "llama", *, slots: int = 3, **kwargs):
        backend = load_backend(
            "transformers", save_model(tmp_path, kind, **kwargs), dtype="float32"
        )
        backend.batch_size = slots
        return backend

    return make


def many(count: int = 9, **settings):
    """Prompts of many lengths that begin alike, greedy and drawn, with many limits."""
    return [
        ask(
            i,
            SYSTEM + "word " * (7 * i % 5) + f"number {i % 4}",
            temperature=(0.0, 1.0, 0.7)[i % 3],
            top_k=(0, 5)[i % 2],
            top_p=(1.0, 0.9)[i % 2],
            **{"max_new_tokens": 3 + 5 * i % 17, **settings},
        )
        for i in range(count)
    ]


def said(backend, requests) -> dict[int, list[int]]:
    results = [result for result in backend.generate(requests) if result is not None]
    assert not [result.error for result in results if result.error]
    return {result.key: result.provenance["token_ids"] for result in results}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_says_the_same_alone_in_slots_and_in_any_order(load, kind):
    backend = load(kind)
    assert backend.refills == (kind in REFILLS)
    requests = many()
    together = said(backend, requests)
    assert said(backend, requests[::-1]) == together
    backend.batch_size = 1
    alone: dict[int, list[int]] = {}
    for request in requests:
        alone |= said(backend, [request])
    assert alone == together
    assert len({tuple(ids) for ids in alone.values()}) > 4


@pytest.mark.parametrize("kind", sorted(REFILLS))
def test_greedy_rows_are_those_of_generate(load, kind):
    backend = load(kind)
    requests = [ask(i, SYSTEM + "x" * i, max_new_tokens=10) for i in range(6)]
    ours = said(backend, requests)
    for request in requests:
        ids = backend.prompts.ids(request)
        made = backend.model.generate(torch.tensor([ids]), max_new_tokens=10)[0, len(ids) :]
        assert ours[request.key] == made.tolist()


def test_a_slot_takes_the_next_row_at_once(load):
    backend = load(slots=2)
    requests = [ask(i, "x", max_new_tokens=n) for i, n in enumerate((30, 10, 10, 10))]
    events = list(backend.generate(requests))
    # Batches that end together would need 30 + 10 steps.
    assert sum(event is None for event in events) <= 32
    assert all(event.provenance["batch_rows"] <= 2 for event in events if event)


def test_a_long_text_outgrows_the_buffers(load):
    backend = load(slots=3)
    requests = [ask(i, "x" * (1 + i), max_new_tokens=200 + 10 * i) for i in range(4)]
    backend.engine.endings = replace(backend.endings, eos_ids=frozenset())
    together = said(backend, requests)
    assert {key: len(ids) for key, ids in together.items()} == {0: 200, 1: 210, 2: 220, 3: 230}
    backend.batch_size = 1
    assert said(backend, requests) == together


def test_a_shared_beginning_is_computed_once(load, monkeypatch):
    backend = load(slots=4)
    requests = many(8)
    computed = []
    forward = backend.model.forward

    def counted(**inputs):
        computed.append(inputs["input_ids"].numel())
        return forward(**inputs)

    monkeypatch.setattr(backend.model, "forward", counted)
    shared = said(backend, requests)
    tokens_shared, computed[:] = sum(computed), []
    backend.engine.shares = False
    assert said(backend, requests) == shared
    assert tokens_shared < 0.6 * sum(computed)


def test_samples_of_a_prompt_share_all_but_its_last_token():
    prompt = list(range(100))
    prefixes = share_prefixes([prompt] * 3)
    assert {prefix.length for prefix in prefixes} == {99}
    assert len(set(map(id, prefixes))) == 1


def test_beginnings_nest_and_what_saves_little_is_not_shared():
    system, context = [1] * 40, [2] * 40
    prompts = sorted([[*system, 9], [*system, *context, 5], [*system, *context, 6], [7], [8, 8]])
    prefixes = share_prefixes(prompts, worth=30)
    assert [prefix.length if prefix else None for prefix in prefixes] == [80, 80, 40, None, None]
    assert [node.length for node in prefixes[0].path()] == [40, 80]
    assert share_prefixes(prompts, worth=500) == [None] * 5


def test_a_beginning_is_forgotten_when_no_prompt_waits_for_it():
    first, second = share_prefixes([[1] * 100 + [2], [1] * 100 + [3]])
    assert first is second
    first.cache = []
    first.release(1)
    assert first.cache is not None
    second.release(1)
    assert first.cache is None


def test_prompts_that_each_continue_the_one_before_are_no_matter():
    prompts = [[1] * n for n in range(1, 1500)]
    assert len(share_prefixes(prompts)) == 1499


# Endings


@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_a_stop_string_ends_a_row_and_is_left_out(load, kind):
    backend = load(kind)
    [whole] = [r for r in backend.generate([ask(1, "x", max_new_tokens=40)]) if r]
    at = len(whole.text) // 2
    stop = whole.text[at : at + 2]
    place = whole.text.find(stop)
    rows = [ask(1, "x", max_new_tokens=40, stop=("never said", stop)), ask(2, "y")]
    stopped = next(r for r in backend.generate(rows) if r and r.key == 1)
    assert (stopped.finish_reason, stopped.text) == ("stop", whole.text[:place])
    ids = whole.provenance["token_ids"]
    assert stopped.provenance["token_ids"] == ids[: stopped.output_tokens]
    assert stopped.output_tokens < len(ids)
    decoded = backend.tokenizer.decode(ids[: stopped.output_tokens - 1], skip_special_tokens=True)
    assert stop not in decoded


@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_the_end_token_and_the_limit_are_told_apart(load, kind):
    backend = load(kind)
    [cut] = [r for r in backend.generate([ask(1, "x", max_new_tokens=5)]) if r]
    assert (cut.finish_reason, cut.output_tokens) == ("length", 5)
    # What the model says third is made its end token: models have several.
    third = cut.provenance["token_ids"][2]
    assert third not in cut.provenance["token_ids"][:2]
    backend.engine.endings = replace(backend.endings, eos_ids=frozenset({257, third}))
    [ended] = [r for r in backend.generate([ask(1, "x", max_new_tokens=5)]) if r]
    assert (ended.finish_reason, ended.output_tokens) == ("eos", 3)
    [last] = [r for r in backend.generate([ask(1, "x", max_new_tokens=3)]) if r]
    assert last.finish_reason == "eos"


@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_a_row_that_takes_too_long_fails(load, kind):
    backend = load(kind)
    backend.engine.endings = replace(backend.endings, seconds=0.0)
    [late] = [r for r in backend.generate([ask(1, "x")]) if r]
    assert late.error == "It was not finished after 0 s."


# Prompts


def errors(backend, requests) -> dict[int, str]:
    return {r.key: r.error for r in backend.generate(requests) if r}


def test_a_bad_row_fails_alone_with_its_reason(load, monkeypatch):
    backend = load()
    half = ask(2, "half a \ud800 sign")
    found = errors(backend, [ask(0, " "), ask(1, "x" * 700), half, ask(3, "fine")])
    assert found[0] == "The prompt is empty."
    assert "the model's context leaves room for 588" in found[1]
    assert found[2].startswith("The prompt cannot be encoded: ")
    assert found[3] == ""


def test_a_template_that_refuses_the_turns_fails_the_row(load):
    template = "{{ raise_exception('no system turns') }}"
    found = errors(load(template=template), [ask(1, "x")])
    assert found == {1: "The prompt cannot be encoded: no system turns"}


def test_a_base_model_needs_the_plain_mode(load):
    backend = load(template=None)
    found = errors(backend, [ask(1, "x"), ask(2, "x", mode="plain")])
    assert found[1] == "The model has no chat template: set the system's mode to plain."
    assert found[2] == ""


def test_the_plain_mode_leaves_no_turn_out_in_silence(load):
    backend = load()
    turns = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    chat = replace(ask(1, "x", mode="plain"), messages=turns)
    found = errors(backend, [chat, ask(2, "x", mode="plain", system_prompt="Be kind.")])
    assert set(found.values()) == {"Mode plain takes a text: no chat turns and no system prompt."}


def test_chat_turns_and_system_prompt_go_through_the_template(load):
    backend = load()
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    ids = backend.prompts.ids(replace(ask(1, "x", system_prompt="s"), messages=turns))
    assert backend.tokenizer.decode(ids) == "<system>s\n<user>a\n<assistant>b\n<user>c\n<assistant>"
    plain = backend.prompts.ids(ask(1, "x", mode="plain"))
    assert backend.tokenizer.decode(plain) == "x"


# Memory


def on_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def in_cublas() -> None:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def on_a_processor() -> None:
    torch.empty(2**62, dtype=torch.uint8)


def short_of_memory(
    monkeypatch, backend, *, fits: int, from_call: int = 0, fail: Callable[[], None] = on_a_gpu
) -> None:
    """More than `fits` rows at once are too many for the model."""
    forward, calls = backend.model.forward, []

    def limited(**inputs):
        calls.append(len(inputs["input_ids"]))
        if calls[-1] > fits and len(calls) > from_call:
            fail()
        return forward(**inputs)

    monkeypatch.setattr(backend.model, "forward", limited)


@pytest.mark.parametrize("fail", [on_a_gpu, in_cublas, on_a_processor])
@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_a_shortage_of_memory_halves_the_slots_and_loses_no_row(load, monkeypatch, kind, fail):
    backend = load(kind, slots=8)
    requests = many(9)
    expected = said(backend, requests)
    short_of_memory(monkeypatch, backend, fits=2, fail=fail)
    assert said(backend, requests) == expected
    assert backend.batch_size == 2
    assert backend.provenance()["slots"] == 2


def test_a_shortage_in_the_middle_keeps_what_is_finished(load, monkeypatch):
    backend = load(slots=4)
    requests = many(9)
    expected = said(backend, requests)
    short_of_memory(monkeypatch, backend, fits=3, from_call=8)
    seen = [result.key for result in backend.generate(requests) if result]
    assert sorted(seen) == list(range(9))
    assert backend.batch_size == 2
    assert said(backend, requests) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("The size of tensor a must match"), RuntimeError),
        # CUDA refuses all work of a process that has met one of these.
        (torch.AcceleratorError("CUDA error: device-side assert triggered\nMore."), DeviceLost),
    ],
)
@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_what_is_no_shortage_is_raised(load, monkeypatch, kind, error, expected):
    backend = load(kind, slots=8)

    def fail() -> None:
        raise error

    short_of_memory(monkeypatch, backend, fits=0, fail=fail)
    with pytest.raises(expected, match=r"(must match|device-side assert triggered)$"):
        said(backend, many(2))
    assert backend.batch_size == 8


@pytest.mark.parametrize("kind", ["llama", "mamba"])
def test_a_row_too_large_for_the_memory_alone_fails_and_no_other(load, monkeypatch, kind):
    backend = load(kind, slots=2)
    forward = backend.model.forward

    def limited(**inputs):
        if inputs["input_ids"].shape[1] > 100:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(**inputs)

    monkeypatch.setattr(backend.model, "forward", limited)
    found = errors(backend, [ask(0, "a"), ask(1, "x" * 200), ask(2, "b"), ask(3, "c")])
    assert found[1].startswith("The memory does not hold this row alone: its prompt has ")
    assert [found[0], found[2], found[3]] == ["", "", ""]
    assert backend.batch_size == 1
