"""Local language models by `transformers`, on CPU or GPU.

A decoder-only model refills its slots (`slots.py`); any other makes batches (`static_batches.py`).
"""

from __future__ import annotations

import gc
import os
import platform
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from typing import Any

from django.conf import settings as site

from evalsite.lib.text import sha256
from generation.backends import GenerationRequest, GenerationResult
from generation.backends.local_models import file_hashes, model_folder
from generation.backends.prompts import Prompts
from generation.backends.rows import Endings, Row
from generation.backends.sampling import SAMPLER_VERSION
from generation.backends.slots import SlotEngine, can_refill
from generation.backends.static_batches import StaticEngine
from generation.exceptions import DeviceLost, ModelNotUsable

#: Rows made at once. Too many for the memory is no harm: a shortage halves them.
CPU_SLOTS, GPU_SLOTS = 24, 128
#: How torch says that memory ran out: it has a class for that on a GPU only, and not in cuBLAS.
SHORTAGES = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")


class Backend:
    """One model in memory. Local files only, safetensors only, no code from the model's folder."""

    def __init__(self, model: str, *, dtype: str) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch

        self.name, self.folder = model, model_folder(model)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.batch_size = GPU_SLOTS if self.device == "cuda" else CPU_SLOTS
        if dtype == "auto":
            dtype = "bfloat16" if self.device == "cuda" else "float32"
        self.dtype = dtype
        with _device():
            self.tokenizer, self.model = _load(self.folder, dtype=dtype, device=self.device)
        self.own_config = self.model.generation_config.to_diff_dict()
        self.eos_ids = _as_list(self.model.generation_config.eos_token_id)
        self.pad_id = self._pad_id()
        self.model.generation_config = self._plain_config()
        has_encoder = bool(self.model.config.is_encoder_decoder)
        context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        self.prompts = Prompts(tokenizer=self.tokenizer, context=context, has_encoder=has_encoder)
        self.endings = Endings(
            tokenizer=self.tokenizer,
            eos_ids=frozenset(self.eos_ids),
            seconds=site.EVALSITE_ROW_SECONDS,
        )
        self.refills = not has_encoder and can_refill(self.model)
        engine = SlotEngine if self.refills else StaticEngine
        self.engine = engine(self.model, self.endings, pad_id=self.pad_id, device=self.device)

    def _pad_id(self) -> int:
        for candidate in (self.tokenizer.pad_token_id, *self.eos_ids):
            if candidate is not None:
                return int(candidate)
        raise ModelNotUsable(f"The model {self.name!r} has neither a pad nor an end token.")

    def _plain_config(self) -> Any:
        """Return a generation config without the model's own temperature and the like.

        They must not act beside a system's settings.
        """
        from transformers import GenerationConfig

        own = self.model.generation_config
        return GenerationConfig(
            do_sample=False,
            eos_token_id=self.eos_ids or None,
            pad_token_id=self.pad_id,
            bos_token_id=own.bos_token_id,
            decoder_start_token_id=own.decoder_start_token_id,
            forced_bos_token_id=own.forced_bos_token_id,
        )

    @cached_property
    def _file_hashes(self) -> dict[str, str]:
        return file_hashes(self.folder)

    def provenance(self) -> dict[str, Any]:
        import torch

        cuda = self.device == "cuda"
        device = torch.cuda.get_device_name() if cuda else platform.processor() or "CPU"
        return {
            "engine": "evalsite slots" if self.refills else "transformers generate, static batches",
            "slots": self.batch_size,
            "model": self.name,
            "revision": self.name.partition("@")[2] or None,
            "files": self._file_hashes,
            "chat_template_sha256": sha256(str(self.tokenizer.chat_template or "")),
            "dtype": self.dtype,
            "attention": self.model.config._attn_implementation,
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

    def generate(self, requests: Sequence[GenerationRequest]) -> Iterator[GenerationResult | None]:
        """Yield each row when it has ended, a bad one with its reason; None between steps.

        Raises `DeviceLost` when CUDA has met an error after which it refuses everything else.
        """
        rows = []
        for request in requests:
            try:
                rows.append(Row(request=request, prompt_ids=self.prompts.ids(request)))
            except ModelNotUsable as error:
                yield GenerationResult(key=request.key, error=str(error))
        with _device():
            while rows:
                if (yield from self._run(rows)):
                    yield from self._after_shortage(rows)

    def _run(self, rows: list[Row]) -> Generator[GenerationResult | None, None, bool]:
        """Make `rows`, taking out each that has ended; return whether memory ran out."""
        try:
            for row in self.engine.run(tuple(rows), slots=self.batch_size):
                if row is None:
                    yield None
                else:
                    rows.remove(row)
                    yield self._result(row)
        except RuntimeError as error:
            if not _is_shortage(error):
                raise
            return True
        return False

    def _after_shortage(self, rows: list[Row]) -> Iterator[GenerationResult]:
        """Halve the slots, for good; at one slot the row that it was for fails."""
        import torch

        held, self.engine.rows = self.engine.rows, []
        # The exception is gone here, and with it the frames that held on to tensors.
        gc.collect()
        torch.cuda.empty_cache()
        if self.batch_size > 1:
            self.batch_size //= 2
        else:
            for row in held or rows[:1]:
                rows.remove(row)
                tokens = len(row.prompt_ids)
                error = f"The memory does not hold this row alone: its prompt has {tokens} tokens."
                yield GenerationResult(key=row.request.key, error=error)
        for row in rows:
            row.restart()

    def _result(self, row: Row) -> GenerationResult:
        if row.error:
            return GenerationResult(key=row.request.key, error=row.error)
        return GenerationResult(
            key=row.request.key,
            text=self.endings.text(row),
            finish_reason=row.finish,
            prompt_tokens=len(row.prompt_ids),
            output_tokens=len(row.made),
            seconds=row.seconds,
            provenance={
                "prompt_ids_sha256": sha256(" ".join(map(str, row.prompt_ids))),
                "seed_key": row.request.seed_key.hex(),
                "token_ids": row.made,
                "batch_rows": row.beside,
            },
        )


def _is_shortage(error: RuntimeError) -> bool:
    return any(words in str(error) for words in SHORTAGES)


@contextmanager
def _device() -> Iterator[None]:
    """Say `DeviceLost` in place of CUDA's errors, which all that follows would meet as well."""
    import torch

    try:
        yield
    except torch.AcceleratorError as error:
        if _is_shortage(error):
            raise
        raise DeviceLost(f"The device was lost: {str(error).splitlines()[0]}") from error


def _load(folder: Any, *, dtype: str, device: str) -> tuple[Any, Any]:
    """Return tokenizer and model; an encoder-decoder where the folder's config says so."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
        AutoTokenizer,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    safely: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", **safely)
    config = AutoConfig.from_pretrained(folder, **safely)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_pretrained(
        folder, dtype=getattr(torch, dtype), use_safetensors=True, **safely
    )
    return tokenizer, model.eval().to(device)


def _as_list(value: int | list[int] | None) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else list(value)
