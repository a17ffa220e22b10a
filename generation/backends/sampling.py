"""Choosing the next token, each row with random numbers of its own.

The noise of a row at a step is a hash of (row key, step, token), so a row's text does not depend
on the rows beside it: the Gumbel-max trick (Gumbel, 1954) over splitmix64 (Steele, Lea and Flood,
2014).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from generation.backends import GenerationRequest
from generation.backends.settings import GenerationSettings

#: Goes into provenance: a change of the arithmetic below is a new version.
SAMPLER_VERSION = "gumbel-splitmix64-1"
_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit number


def choose_tokens(scores: Any, requests: Sequence[GenerationRequest], steps: Sequence[int]) -> Any:
    """Return each row's next token, [rows]; at temperature 0 the most likely one.

    `scores` are logits [rows, vocabulary]; `steps` counts the tokens that each row has already.
    """
    tokens = scores.argmax(-1)
    # Rows of one system share settings, so that a few operations do for all of them.
    alike: dict[tuple[float, int, float], list[int]] = defaultdict(list)
    for row, request in enumerate(requests):
        if request.settings.temperature > 0:
            alike[_limits(request.settings)].append(row)
    for (temperature, top_k, top_p), rows in alike.items():
        logits = _truncated(scores[rows].double() / temperature, top_k=top_k, top_p=top_p)
        keys = [requests[row].seed_key for row in rows]
        noise = _uniform(keys, [steps[row] for row in rows], like=scores)
        tokens[rows] = (logits - (-noise.log()).log()).argmax(-1)
    return tokens


def _limits(settings: GenerationSettings) -> tuple[float, int, float]:
    return settings.temperature, settings.top_k, settings.top_p


def _truncated(logits: Any, *, top_k: int, top_p: float) -> Any:
    """Leave out what top_k and top_p leave out; at least the most likely token stays."""
    if 0 < top_k < logits.shape[1]:
        lowest = logits.topk(top_k).values[:, -1:]
        logits = logits.masked_fill(logits < lowest, float("-inf"))
    if top_p < 1:
        ranked, order = logits.sort(descending=True)
        shares = ranked.softmax(-1)
        tail = shares.cumsum(-1) - shares >= top_p
        logits = logits.masked_fill(tail.scatter(1, order, tail), float("-inf"))
    return logits


def _uniform(keys: Sequence[bytes], steps: Sequence[int], *, like: Any) -> Any:
    """Return numbers in (0, 1), [rows, vocabulary], from key, step and token."""
    import torch

    numbers = [int.from_bytes(key[:8], "little", signed=True) for key in keys]
    key, step = (torch.tensor(values, device=like.device) for values in (numbers, steps))
    # A tensor, because its product wraps around at 64 bits, as the hash wants it.
    golden = torch.tensor(_GOLDEN, device=like.device)
    base = _mix(key + golden * (step + 1))[:, None]
    tokens = torch.arange(1, like.shape[1] + 1, device=like.device)[None]
    bits = (_mix(base + golden * tokens) >> 11) & ((1 << 53) - 1)
    return (bits.double() + 0.5) * 2.0**-53


def _mix(x: Any) -> Any:
    """Apply the finaliser of splitmix64 to wrapped signed numbers; shifts are logical by masks."""
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * -4658895280553007687
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * -7723592293110705685
    return x ^ ((x >> 31) & ((1 << 33) - 1))
