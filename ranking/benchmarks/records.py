"""What every harness file is read into, before it becomes rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    metric: str
    filter: str
    value: float
    stderr: float | None
    higher_is_better: bool | None


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One model on one task, as one version of one harness measured it."""

    harness: str
    harness_version: str
    git_hash: str
    task: str
    task_version: str
    task_hash: str
    shots: int | None
    size: int | None
    is_limited: bool
    measured_at: datetime | None
    #: The name that the harness gives the model.
    model: str
    scores: tuple[ScoreRecord, ...]
    provenance: dict[str, Any] = field(default_factory=dict)
