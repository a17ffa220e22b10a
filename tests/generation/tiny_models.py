"""Models of a few thousand random weights in folders of their own: every kind, in no time."""

from __future__ import annotations

from pathlib import Path

from generation.backends import GenerationRequest
from generation.backends.settings import GenerationSettings

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
TOKENS = {"vocab_size": 260, "eos_token_id": 257, "pad_token_id": 256, "bos_token_id": 258}
#: Large weights, so that texts differ and no two tokens are almost as likely.
COMMON = {**TOKENS, "initializer_range": 0.5}


def save_tokenizer(folder: Path, *, template: str | None = TEMPLATE) -> None:
    """A token is a byte; no text is unknown."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")
    fast.chat_template = template
    fast.save_pretrained(folder)


def config_of(kind: str):
    import transformers as hf

    if kind == "llama":
        return hf.LlamaConfig(**SMALL, **HEADS, **COMMON, max_position_embeddings=600)
    if kind == "mistral":  # a sliding window in every layer
        return hf.MistralConfig(**SMALL, **HEADS, **COMMON, sliding_window=8)
    if kind == "gemma3":  # some layers with a window, some without
        layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
        return hf.Gemma3TextConfig(**SMALL, **HEADS, **COMMON, **layers)
    if kind == "gpt2":  # positions are learned
        return hf.GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=600, **COMMON)
    if kind == "mamba":  # a state in place of keys and values
        return hf.MambaConfig(hidden_size=32, num_hidden_layers=2, state_size=4, **COMMON)
    if kind == "t5":
        sizes = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4}
        return hf.T5Config(**sizes, **TOKENS, decoder_start_token_id=256, initializer_factor=3.0)
    raise ValueError(kind)


def save_model(root: Path, kind: str, *, template: str | None = TEMPLATE) -> str:
    """Write a model of that kind below `root`; return its name."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    torch.manual_seed(0)
    config = config_of(kind)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    folder = root / kind
    auto.from_config(config).save_pretrained(folder)
    save_tokenizer(folder, template=template)
    return kind


def ask(key: int, text: str, **settings) -> GenerationRequest:
    return GenerationRequest(
        key=key,
        messages=[{"role": "user", "content": text}],
        settings=GenerationSettings(**{"max_new_tokens": 12, **settings}),
        seed_key=bytes([key]) * 32,
    )
