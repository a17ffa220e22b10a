"""lm-evaluation-harness: `results_*.json`, of 2024 (no version inside) to the present."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalsite.lib.exceptions import InputRefused
from ranking.benchmarks.records import RunRecord, ScoreRecord

HARNESS = "lm-evaluation-harness"
MAX_BYTES = 64 * 2**20
#: Settings that a reviewer asks for, kept as they stand.
_KEPT = (
    "model_source", "model_name", "chat_template_sha", "system_instruction_sha",
    "fewshot_as_multiturn", "max_length", "transformers_version", "total_evaluation_time_seconds",
)  # fmt: skip

Json = dict[str, Any]


def find_results(path: Path) -> list[Path]:
    """Return the results files that `path` is or holds; raise `InputRefused` for none."""
    if path.is_dir():
        if found := sorted(path.rglob("results_*.json")) or sorted(path.glob("*results_*.json")):
            return found
        raise InputRefused(
            "the folder holds no results_*.json",
            expected="a file or folder of lm-evaluation-harness",
            file=path.name,
        )
    return [path]


def read_results(content: bytes, *, file: str) -> list[RunRecord]:
    """Return one record a task; raise `InputRefused` for what is not a whole results file."""
    data = _parsed(content, file)
    results = data.get("results")
    if not isinstance(results, dict) or not isinstance(data.get("configs"), dict):
        raise InputRefused(
            "not a results file of lm-evaluation-harness",
            expected="an object with results and configs",
            file=file,
        )
    try:
        records = [
            record
            for task, values in results.items()
            if (record := _record(data, task, values, file)) is not None
        ]
    except (TypeError, AttributeError, KeyError, OverflowError, ValueError) as error:
        raise InputRefused(
            f"malformed results ({error})", expected="the form that the harness writes", file=file
        ) from None
    if not records:
        raise InputRefused("no task has a score", expected="at least one score", file=file)
    return records


def _parsed(content: bytes, file: str) -> Json:
    if len(content) > MAX_BYTES:
        raise InputRefused(
            "the file is too large", expected=f"at most {MAX_BYTES // 2**20} MiB", file=file
        )
    try:
        data = json.loads(content.decode())
    except UnicodeDecodeError:
        raise InputRefused("not UTF-8", expected="JSON in UTF-8", file=file) from None
    except RecursionError:
        raise InputRefused("nested too deep", expected="plain JSON", file=file) from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise InputRefused(f"not JSON: {error}", expected="JSON", file=file, line=line) from None
    if not isinstance(data, dict):
        raise InputRefused("not a JSON object", expected="a JSON object", file=file)
    return data


def _record(data: Json, task: str, values: Json, file: str) -> RunRecord | None:
    """Return the record of one task; None for a group without scores of its own."""
    scores = tuple(_scores(data, task, values, file))
    if not scores:
        return None
    config = _object(data.get("config"))
    samples = _object(_object(data.get("n-samples")).get(task))
    original, effective = samples.get("original"), samples.get("effective")
    return RunRecord(
        harness=HARNESS,
        harness_version=str(data.get("lm_eval_version") or ""),
        git_hash=str(data.get("git_hash") or ""),
        task=task,
        task_version=_known(_object(data.get("versions")).get(task)),
        task_hash=str(_object(data.get("task_hashes")).get(task) or ""),
        shots=_count(_object(data.get("n-shot")).get(task)),
        size=effective if isinstance(effective, int) else None,
        is_limited=bool(config.get("limit")) or (original or 0) > (effective or 0),
        measured_at=_moment(data.get("date")),
        model=_model_name(data, config),
        scores=scores,
        provenance={
            "config": {k: v for k, v in config.items() if not isinstance(v, dict | list)},
            **{key: data[key] for key in _KEPT if data.get(key) is not None},
        },
    )


def _scores(data: Json, task: str, values: Json, file: str) -> list[ScoreRecord]:
    better = _object(_object(data.get("higher_is_better")).get(task))
    scores = []
    for key, value in values.items():
        metric, comma, name = key.rpartition(",")
        if not comma or metric.endswith("_stderr") or not _is_number(value):
            continue
        if not math.isfinite(value):
            raise InputRefused(f"{task}: {key} is {value}", expected="a finite number", file=file)
        stderr = values.get(f"{metric}_stderr,{name}")
        # "N/A" where the harness computed none.
        is_known = isinstance(stderr, int | float) and math.isfinite(stderr)
        direction = better.get(metric)
        scores.append(
            ScoreRecord(
                metric=metric,
                filter="" if name == "none" else name,
                value=float(value),
                stderr=float(stderr) if is_known and stderr is not None else None,
                higher_is_better=direction if isinstance(direction, bool) else None,
            )
        )
    return scores


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object) -> int | None:
    if value is not None and not (isinstance(value, int) and 0 <= value < 32_768):
        raise ValueError(f"n-shot is {value!r}")
    return value


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _known(version: object) -> str:
    return "" if version in (None, "N/A", "Yaml") else str(version)


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) else None


def _model_name(data: Json, config: Json) -> str:
    if data.get("model_name"):
        return str(data["model_name"])
    arguments = config.get("model_args")
    if isinstance(arguments, dict):
        return str(arguments.get("pretrained") or "")
    for part in str(arguments or "").split(","):
        name, _, value = part.partition("=")
        if name.strip() == "pretrained":
            return value
    return ""
