"""Models of three sizes with random weights on a GPU, where speed is all that they have.

Every row makes the same number of tokens, as nothing ends a text of random weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from generation.backends import GenerationRequest
from generation.backends.rows import Endings, Row
from generation.backends.settings import GenerationSettings
from generation.backends.slots import SlotEngine
from scripts.bench.roofline import count_passes, least_seconds, measure_ceilings, synchronise
from scripts.bench.timing import say

ROWS, PROMPT_TOKENS, NEW_TOKENS = 256, 256, 128
#: One by one is slow and grows with its rows: a few of them give its rate.
ROWS_ONE_BY_ONE = 2
VOCABULARY = 128_256
#: hidden size, size of the inner layer, layers, heads, heads of keys and values.
SHAPES = {
    "135M": (576, 1536, 30, 9, 3),
    "1B": (2048, 8192, 16, 32, 8),
    "8B": (4096, 14336, 32, 32, 8),
}


def bench_shapes(*, repeats: int, device: str = "cuda") -> None:
    """Say tokens a second, the share of the bandwidth's bound, and ratios, for each shape."""
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("bench: no CUDA device")
    name, versions = torch.cuda.get_device_name(), f"torch {torch.__version__}"
    say(f"{name}, {versions}, CUDA {torch.version.cuda}; bfloat16, {ROWS} rows")
    ceilings = measure_ceilings(torch.bfloat16, device)
    say(f"ceilings: {ceilings.bandwidth / 1e9:,.0f} GB/s, {ceilings.matmul / 1e12:,.0f} TFLOP/s")
    for shape in SHAPES:
        model = _random_model(shape, device)
        ways = _ways(model, device)
        for way in ways.values():
            way()  # warm-up
        rates = {
            name: median(_rate(way, device) for _ in range(repeats)) for name, way in ways.items()
        }
        for other, rate in rates.items():
            ratio = rates["ours"] / rate
            say(f"{shape}, {other}: {rate:,.0f} tokens/s; ours is {ratio:.2f} times it")
        least = least_seconds(model, count_passes(model, ways["ours"]), ceilings)
        share = least * rates["ours"] / (ROWS * NEW_TOKENS)
        peak = torch.cuda.max_memory_allocated() / 2**30
        say(f"{shape}: {share:.0%} of its bound; peak {peak:.1f} GiB")
        del model, ways, way
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _random_model(shape: str, device: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    hidden, inner, layers, heads, shared = SHAPES[shape]
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=inner,
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=shared,
        max_position_embeddings=8192, eos_token_id=None, pad_token_id=0,
        tie_word_embeddings=shape != "8B",
    )  # fmt: skip
    with torch.device(device):
        return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()


def _ways(model: Any, device: str) -> dict[str, Callable[[], int]]:
    """Return how each way makes its rows, and counts its tokens."""
    import torch

    generator = torch.Generator().manual_seed(0)
    size = (ROWS, PROMPT_TOKENS)
    prompts = torch.randint(1, VOCABULARY, size, generator=generator)
    settings = GenerationSettings(max_new_tokens=NEW_TOKENS)
    endings = Endings(tokenizer=None, eos_ids=frozenset(), seconds=3600)
    engine = SlotEngine(model, endings, pad_id=0, device=device)

    def ours() -> int:
        rows = [
            Row(
                request=GenerationRequest(
                    key=i, messages=[], settings=settings, seed_key=bytes(32)
                ),
                prompt_ids=ids,
            )
            for i, ids in enumerate(prompts.tolist())
        ]
        return sum(len(row.made) for row in engine.run(rows, slots=ROWS) if row)

    def static() -> int:
        made = model.generate(prompts.to(device), max_new_tokens=NEW_TOKENS, do_sample=False)
        return int(made[:, PROMPT_TOKENS:].numel())

    def one_by_one() -> int:
        for prompt in prompts[:ROWS_ONE_BY_ONE].to(device):
            model.generate(prompt[None], max_new_tokens=NEW_TOKENS, do_sample=False)
        return ROWS_ONE_BY_ONE * NEW_TOKENS

    return {"ours": ours, "one static batch": static, "one by one": one_by_one}


def _rate(way: Callable[[], int], device: str) -> float:
    synchronise(device)
    start = time.perf_counter()
    tokens = way()
    synchronise(device)
    return tokens / (time.perf_counter() - start)
