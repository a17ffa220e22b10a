"""From a prompt to token ids, by the model's own tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from generation.backends import GenerationRequest
from generation.exceptions import ModelNotUsable


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """How one model reads prompts. `context` is how many tokens it holds, None for no limit.

    An encoder has its context for itself; else what is made has to fit in as well.
    """

    tokenizer: Any
    context: int | None
    has_encoder: bool

    def ids(self, request: GenerationRequest) -> list[int]:
        """Return the rendered prompt as ids; raise `ModelNotUsable` with what is wrong with it.

        Never by way of text, which doubles the BOS token. Nothing is cut.
        """
        if not request.messages[-1]["content"].strip():
            raise ModelNotUsable("The prompt is empty.")
        try:
            ids = self._encoded(request)
        except ModelNotUsable:
            raise
        except Exception as error:  # templates are programs of the model's folder
            reason = str(error) or type(error).__name__
            raise ModelNotUsable(f"The prompt cannot be encoded: {reason}") from None
        if not ids:
            raise ModelNotUsable("The prompt has no tokens.")
        self._check_length(len(ids), request.settings.max_new_tokens)
        return ids

    def _encoded(self, request: GenerationRequest) -> list[int]:
        settings, messages = request.settings, list(request.messages)
        if settings.mode == "plain":
            return list(self.tokenizer(_only_text(messages, settings.system_prompt))["input_ids"])
        if not self.tokenizer.chat_template:
            raise ModelNotUsable("The model has no chat template: set the system's mode to plain.")
        if settings.system_prompt is not None:
            messages = [{"role": "system", "content": settings.system_prompt}, *messages]
        rendered = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True
        )
        return list(rendered["input_ids"])

    def _check_length(self, tokens: int, new: int) -> None:
        if self.context is None:
            return
        room = self.context if self.has_encoder else self.context - new
        if tokens > room:
            raise ModelNotUsable(
                f"The prompt has {tokens} tokens; the model's context leaves room for {room}."
            )


def _only_text(messages: Sequence[dict[str, str]], system_prompt: str | None) -> str:
    """Return the one text that `plain` mode takes; raise rather than leave anything out."""
    if len(messages) > 1 or system_prompt:
        raise ModelNotUsable("Mode plain takes a text: no chat turns and no system prompt.")
    return messages[0]["content"]
