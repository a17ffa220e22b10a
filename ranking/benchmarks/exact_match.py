"""Our own small metric: does an output say what the prompt's reference says?"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence

from ranking.benchmarks.records import ScoreRecord

#: Goes into the run: a change of the rules below is a new version.
VERSION = "1"
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(text: str) -> str:
    """Fold case; drop punctuation, English articles and surplus space (as SQuAD does, 2016)."""
    bare = text.casefold().translate(_PUNCTUATION)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def exact_match(output: str, reference: str) -> bool:
    return normalised(output) == normalised(reference)


def contains(output: str, reference: str) -> bool:
    """True when the reference stands in the output, as whole words."""
    return f" {normalised(reference)} " in f" {normalised(output)} "


def score(pairs: Sequence[tuple[str, str]]) -> tuple[ScoreRecord, ...]:
    """Return both metrics over (output, reference) pairs, with the standard error of a mean."""
    return tuple(
        _mean(name, [metric(output, reference) for output, reference in pairs])
        for name, metric in (("exact_match", exact_match), ("contains", contains))
    )


def _mean(metric: str, hits: list[bool]) -> ScoreRecord:
    n = len(hits)
    mean = sum(hits) / n
    return ScoreRecord(
        metric=metric,
        filter="",
        value=mean,
        stderr=math.sqrt(mean * (1 - mean) / (n - 1)) if n > 1 else None,
        higher_is_better=True,
    )
