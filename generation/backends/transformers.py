"""Local causal language models by `transformers`, in left-padded batches."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from django.conf import settings as site

from evalsite.lib.text import sha256
from generation.backends import GenerationRequest, GenerationResult
from generation.backends.local_models import file_hashes, model_folder
from generation.backends.sampling import SAMPLER_VERSION, RowSampler
from generation.exceptions import ModelNotUsable

#: Rows that one batch holds. On a CPU 24 make twice the tokens a second that 8 make; the worker's
#: first batch is smaller, so that the first outputs come soon.
CPU_BATCH, GPU_BATCH = 24, 64


class Backend:
    """One model in memory. Local files only, safetensors only, no code from the model's folder."""

    def __init__(self, model: str, *, dtype: str) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.name, self.folder = model, model_folder(model)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size = GPU_BATCH if self.device == "cuda" else CPU_BATCH
        if dtype == "auto":
            dtype = "bfloat16" if self.device == "cuda" else "float32"
        self.dtype = dtype
        safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        self.tokenizer = AutoTokenizer.from_pretrained(self.folder, padding_side="left", **safely)
        self.model = (
            AutoModelForCausalLM.from_pretrained(
                self.folder, dtype=getattr(torch, dtype), use_safetensors=True, **safely
            )
            .eval()
            .to(self.device)
        )
        self.own_config = self.model.generation_config.to_diff_dict()
        self.eos_ids = _as_list(self.model.generation_config.eos_token_id)
        self.pad_id = self._pad_id()
        # The model's own defaults (temperature and the like) must not act beside a system's.
        self.model.generation_config = GenerationConfig(
            do_sample=False,
            eos_token_id=self.eos_ids or None,
            pad_token_id=self.pad_id,
            bos_token_id=self.model.generation_config.bos_token_id,
        )
        self.context = int(getattr(self.model.config, "max_position_embeddings", 0) or 2**31)

    def _pad_id(self) -> int:
        for candidate in (self.tokenizer.pad_token_id, *self.eos_ids):
            if candidate is not None:
                return int(candidate)
        raise ModelNotUsable(f"The model {self.name!r} has neither a pad nor an end token.")

    def provenance(self) -> dict[str, Any]:
        import torch

        cuda = self.device == "cuda"
        device = torch.cuda.get_device_name() if cuda else platform.processor() or "CPU"
        return {
            "engine": "transformers generate, left-padded static batches",
            "model": self.name,
            "revision": self.name.partition("@")[2] or None,
            "files": file_hashes(self.folder),
            "chat_template_sha256": sha256(str(self.tokenizer.chat_template or "")),
            "dtype": self.dtype,
            "attention": self.model.config._attn_implementation,
            "batch_size": self.batch_size,
            "own_generation_config": self.own_config,
            # Temperature and the like are a row's own, by the sampler: see the job's settings.
            "generation_config": self.model.generation_config.to_dict(),
            "sampler": SAMPLER_VERSION,
            "device": device,
            "cuda": torch.version.cuda if cuda else None,
            "threads": torch.get_num_threads(),
            "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers")}
            | {"python": platform.python_version(), "evalsite": site.EVALSITE_VERSION},
        }

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult]:
        ready: list[tuple[GenerationRequest, list[int]]] = []
        for request in requests:
            try:
                ready.append((request, self._token_ids(request)))
            except ModelNotUsable as error:
                yield GenerationResult(key=request.key, error=str(error))
        # Rows of like length share a batch, so that little is padded.
        ready.sort(key=lambda pair: len(pair[1]))
        for start in range(0, len(ready), self.batch_size):
            yield from self._generate_batch(ready[start : start + self.batch_size])

    def _token_ids(self, request: GenerationRequest) -> list[int]:
        """Return the rendered prompt as ids; never by way of text, which doubles the BOS token."""
        settings, messages = request.settings, list(request.messages)
        if not messages[-1]["content"].strip():
            raise ModelNotUsable("The prompt is empty.")
        if settings.mode == "plain":
            ids = self.tokenizer(messages[-1]["content"])["input_ids"]
        elif not self.tokenizer.chat_template:
            raise ModelNotUsable("The model has no chat template: set the system's mode to plain.")
        else:
            if settings.system_prompt is not None:
                messages = [{"role": "system", "content": settings.system_prompt}, *messages]
            ids = self.tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_dict=True
            )["input_ids"]
        room = self.context - settings.max_new_tokens
        if len(ids) > room:
            raise ModelNotUsable(
                f"The prompt has {len(ids)} tokens; the model's context leaves room for {room}."
            )
        return list(ids)

    def _generate_batch(
        self, batch: Sequence[tuple[GenerationRequest, list[int]]]
    ) -> Iterator[GenerationResult]:
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        requests = [request for request, _ in batch]
        padded = self.tokenizer.pad(
            {"input_ids": [ids for _, ids in batch]}, padding=True, return_tensors="pt"
        ).to(self.device)
        length = padded["input_ids"].shape[1]
        sampler = RowSampler(
            [r.settings for r in requests], [r.seed_key for r in requests], prompt_length=length
        )
        ends = _RowEnds(requests, self.tokenizer, prompt_length=length)
        started = time.perf_counter()
        with torch.inference_mode():
            rows = self.model.generate(
                **padded,
                max_new_tokens=max(r.settings.max_new_tokens for r in requests),
                logits_processor=LogitsProcessorList([sampler]),
                stopping_criteria=StoppingCriteriaList([ends]),
            )[:, length:].tolist()
        seconds = (time.perf_counter() - started) / len(batch)
        for (request, ids), row in zip(batch, rows, strict=True):
            yield self._result(request, ids, row, seconds=seconds, batch_rows=len(batch))

    def _result(
        self,
        request: GenerationRequest,
        prompt_ids: list[int],
        row: list[int],
        *,
        seconds: float,
        batch_rows: int,
    ) -> GenerationResult:
        ids = row[: request.settings.max_new_tokens]
        end = next((i for i, token in enumerate(ids) if token in self.eos_ids), None)
        finish = "length"
        if end is not None:
            ids, finish = ids[: end + 1], "eos"
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        if (cut := _stop_position(text, request.settings.stop)) is not None:
            text, finish = text[:cut], "stop"
            ids = self._until_stop(ids, request.settings.stop)
        return GenerationResult(
            key=request.key,
            text=text,
            finish_reason=finish,
            prompt_tokens=len(prompt_ids),
            output_tokens=len(ids),
            seconds=seconds,
            provenance={
                "prompt_ids_sha256": sha256(" ".join(map(str, prompt_ids))),
                "seed_key": request.seed_key.hex(),
                "token_ids": ids,
                "batch_rows": batch_rows,
            },
        )

    def _until_stop(self, ids: list[int], stop: Sequence[str]) -> list[int]:
        """Leave out the padding of a row that ended at a stop string before its batch did."""
        for length in range(1, len(ids)):
            text = self.tokenizer.decode(ids[:length], skip_special_tokens=True)
            if _stop_position(text, stop) is not None:
                return ids[:length]
        return ids


class _RowEnds:
    """A stopping criterion that ends each row at its own token limit or stop string."""

    def __init__(
        self, requests: Sequence[GenerationRequest], tokenizer: Any, *, prompt_length: int
    ) -> None:
        self.requests, self.tokenizer, self.prompt_length = requests, tokenizer, prompt_length

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        made = ids.shape[1] - self.prompt_length
        ends = [
            made >= request.settings.max_new_tokens or self._has_stop(request, ids[i])
            for i, request in enumerate(self.requests)
        ]
        return torch.tensor(ends, device=ids.device)

    def _has_stop(self, request: GenerationRequest, row: Any) -> bool:
        stop = request.settings.stop
        if not stop:
            return False
        text = self.tokenizer.decode(row[self.prompt_length :], skip_special_tokens=True)
        return _stop_position(text, stop) is not None


def _stop_position(text: str, stop: Sequence[str]) -> int | None:
    found = [place for s in stop if (place := text.find(s)) >= 0]
    return min(found) if found else None


def _as_list(value: int | list[int] | None) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else list(value)
