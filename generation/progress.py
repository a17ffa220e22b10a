"""A worker's progress bar in a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any

from tqdm import tqdm

from generation.backends import GenerationResult
from generation.models import Output

#: The total is counted anew so often: jobs are queued and other workers work meanwhile.
COUNT_SECONDS = 5.0


class Progress:
    """Shows outputs made here, outputs left anywhere, tokens a second, and failures; on a tty."""

    def __init__(self) -> None:
        self.tokens = self.failed = 0
        self._started = time.monotonic()
        self._counted = -COUNT_SECONDS
        self._bar: tqdm[Any] = tqdm(unit=" outputs", disable=not sys.stderr.isatty(), leave=True)
        self._show()

    def row(self, output: Output, result: GenerationResult) -> None:
        """Count a row that is finished; say why one failed, above the bar."""
        self._bar.update()
        self.tokens += result.output_tokens or 0
        if result.error:
            self.failed += 1
            tqdm.write(f"output {output.pk} failed: {result.error}", file=sys.stderr)
        self._show()

    def close(self) -> None:
        self._bar.close()

    def _show(self) -> None:
        if self._bar.disable:
            return
        at = time.monotonic()
        if at - self._counted >= COUNT_SECONDS:
            self._counted = at
            self._bar.total = self._bar.n + Output.objects.unfinished().count()
        seconds = max(at - self._started, 1e-9)
        self._bar.set_postfix_str(f"{self.tokens / seconds:.0f} tokens/s, {self.failed} failed")
