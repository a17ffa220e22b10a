"""What the machine allows: bandwidth and matmul as measured, and the least time a model needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from scripts.bench.timing import say


class Ceilings(NamedTuple):
    """Bytes read a second by a matrix-vector product, and operations a second of a matmul."""

    bandwidth: float
    matmul: float


class Pass(NamedTuple):
    """One pass of the model: its rows, their new tokens, and what the cache held of them before."""

    rows: int
    tokens: int
    cached: int


def measure_ceilings(dtype: Any, device: str) -> Ceilings:
    """Take the fastest of some products that no cache holds.

    A processor may multiply faster in float32 than in a type that it has to emulate; then that is
    what an engine could do.
    """
    import torch

    own = _ceilings(dtype, device)
    if device != "cpu" or dtype == torch.float32:
        return own
    return Ceilings(own.bandwidth, max(own.matmul, _ceilings(torch.float32, device).matmul))


def _ceilings(dtype: Any, device: str) -> Ceilings:
    import torch

    side = 4096 if device == "cpu" else 16384
    matrix = torch.randn(side, side, device=device).to(dtype)
    vector = torch.randn(side, device=device).to(dtype)
    small = matrix[: side // 4, : side // 4].contiguous() if device == "cpu" else matrix
    read = _fastest(lambda: torch.mv(matrix, vector), device)
    multiplied = _fastest(lambda: small @ small, device)
    size = matrix.element_size()
    return Ceilings(side * side * size / read, 2 * len(small) ** 3 / multiplied)


def _fastest(work: Callable[[], Any], device: str, *, repeats: int = 20) -> float:
    # Others may use the processor; nobody else uses the GPU.
    clock = time.process_time if device == "cpu" else time.perf_counter
    times = []
    for _ in range(repeats):
        synchronise(device)
        start = clock()
        work()
        synchronise(device)
        times.append(clock() - start)
    return min(times)


def synchronise(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def least_seconds(model: Any, passes: list[Pass], ceilings: Ceilings) -> float:
    """Return a bound: in each pass weights and cache are read, or the weights multiplied by.

    Whichever takes longer. The head is multiplied for a row's last token only.
    """
    config = model.config.get_text_config()
    embedding = model.get_input_embeddings().weight
    weights = sum(p.numel() for p in model.parameters())
    head = embedding.numel()
    body = weights - head if model.config.tie_word_embeddings else weights - 2 * head
    size = config.head_dim or config.hidden_size // config.num_attention_heads
    cached = 2 * config.num_hidden_layers * config.num_key_value_heads * size

    def seconds(one: Pass) -> float:
        numbers = body + head + cached * one.cached
        read = float(numbers * embedding.element_size() / ceilings.bandwidth)
        multiplied = 2 * (body * one.tokens + head * one.rows) / ceilings.matmul
        return max(read, float(multiplied))

    return sum(map(seconds, passes))


def count_passes(model: Any, run: Callable[[], Any]) -> list[Pass]:
    """Return the passes of the model that `run` makes."""
    passes: list[Pass] = []

    def note(module: Any, positional: Any, named: dict[str, Any]) -> None:
        ids, past = named["input_ids"], named.get("past_key_values")
        cached = len(ids) * past.get_seq_length() if past else 0
        passes.append(Pass(len(ids), ids.numel(), cached))

    hook = model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        run()
    finally:
        hook.remove()
    return passes


def say_roofline(
    backend: Any, ways: dict[str, tuple[Callable[[int | None], int], list[Any]]]
) -> None:
    """Say what share of its bound each way reaches, by processor time."""
    import torch

    ceilings = measure_ceilings(getattr(torch, backend.dtype), backend.device)
    say(
        f"ceilings: {ceilings.bandwidth / 1e9:.1f} GB/s read by a matrix-vector product, "
        f"{ceilings.matmul / 1e9:.0f} GFLOP/s by a matmul"
    )
    for name, (run, turns) in ways.items():
        passes = count_passes(backend.model, partial(run, None))
        least = least_seconds(backend.model, passes, ceilings)
        took = median(turn.processor for turn in turns)
        tokens = sum(p.tokens for p in passes)
        say(
            f"{name}: {len(passes)} passes over {tokens:,} tokens need {least:.1f} s at least: "
            f"{least / took:.0%} of the roofline"
        )
