"""The machine that a worker runs on, for the record; torch is asked only where it is loaded."""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.conf import settings

#: Their versions decide what comes out, where they are in use.
PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


def describe_machine() -> dict[str, Any]:
    """Return processor, GPUs with their driver, operating system, and versions."""
    versions = {name: version(name) for name in PACKAGES if name in sys.modules and _has(name)}
    return {
        "cpu": _first("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "gpus": _gpus(),
        "driver": _first("/proc/driver/nvidia/version", "NVRM version"),
        "versions": versions
        | {"python": platform.python_version(), "evalsite": settings.EVALSITE_VERSION},
    }


def peak_memory() -> dict[str, int]:
    """Return the most memory [bytes] that this process has held so far, and on its GPU."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if (torch := sys.modules.get("torch")) and torch.cuda.is_initialized():
        peak["peak_gpu_memory_bytes"] = torch.cuda.max_memory_allocated()
    return peak


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _has(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _first(path: str, name: str) -> str | None:
    """Return what stands behind `name:` in a file of the kernel's, if there is one."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, None)
