"""Choosing the next token, each row with random numbers of its own.

The noise of a row at a step is a hash of (row key, step, token), so a row's text does not depend
on the rows beside it: the Gumbel-max trick (Gumbel, 1954) over splitmix64 (Steele, Lea and Flood,
2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from generation.backends.settings import GenerationSettings

#: Goes into provenance: a change of the arithmetic below is a new version.
SAMPLER_VERSION = "gumbel-splitmix64-1"
_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit number


class RowSampler:
    """A logits processor: leaves one token a row, chosen by the row's own settings and key.

    Called with ids [rows, length] and scores [rows, vocabulary]; returns scores of that shape in
    which all but the chosen token are minus infinity. Greedy rows pass through.
    """

    def __init__(
        self, settings: Sequence[GenerationSettings], keys: Sequence[bytes], *, prompt_length: int
    ) -> None:
        import torch

        self.settings = settings
        self.prompt_length = prompt_length
        self.rows = [i for i, s in enumerate(settings) if s.temperature > 0]
        self.keys = torch.tensor(
            [int.from_bytes(keys[i][:8], "little", signed=True) for i in self.rows]
        )

    def __call__(self, ids: Any, scores: Any) -> Any:
        if not self.rows:
            return scores
        import torch

        chosen = self._truncated(scores[self.rows].double())
        chosen -= torch.log(-torch.log(self._uniform(ids.shape[1], scores)))
        tokens = chosen.argmax(-1, keepdim=True)
        result = scores.clone()
        result[self.rows] = torch.full_like(scores[self.rows], float("-inf")).scatter_(
            1, tokens, 0.0
        )
        return result

    def _truncated(self, logits: Any) -> Any:
        """Divide by each row's temperature; leave out what top_k and top_p leave out."""
        import torch

        for place, row in enumerate(self.rows):
            settings = self.settings[row]
            logits[place] /= settings.temperature
            if 0 < settings.top_k < logits.shape[1]:
                lowest = torch.topk(logits[place], settings.top_k).values[-1]
                logits[place][logits[place] < lowest] = float("-inf")
            if settings.top_p < 1:
                ranked, order = torch.sort(logits[place], descending=True)
                before = ranked.softmax(-1).cumsum(-1) - ranked.softmax(-1)
                logits[place][order[before >= settings.top_p]] = float("-inf")
        return logits

    def _uniform(self, length: int, scores: Any) -> Any:
        """Return numbers in (0, 1), [sampled rows, vocabulary], from key, step and token."""
        import torch

        step = length - self.prompt_length + 1
        # A tensor, because its product wraps around at 64 bits, as the hash wants it.
        golden = torch.tensor(_GOLDEN, device=scores.device)
        base = _mix(self.keys.to(scores.device) + golden * step)[:, None]
        tokens = torch.arange(1, scores.shape[1] + 1, device=scores.device)[None]
        bits = (_mix(base + golden * tokens) >> 11) & ((1 << 53) - 1)
        return (bits.double() + 0.5) * 2.0**-53


def _mix(x: Any) -> Any:
    """Apply the finaliser of splitmix64 to wrapped signed numbers; shifts are logical by masks."""
    x = (x ^ ((x >> 30) & ((1 << 34) - 1))) * -4658895280553007687
    x = (x ^ ((x >> 27) & ((1 << 37) - 1))) * -7723592293110705685
    return x ^ ((x >> 31) & ((1 << 33) - 1))
