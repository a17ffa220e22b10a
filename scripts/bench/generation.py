"""Local generation beside what transformers has: one by one, static batches, `generate_batch`.

32 chat prompts of four lengths that begin alike, greedy, one thread. The machine may be busy: the
ways take turns, and ratios are of tokens per second of processor time in the same turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.bench.timing import say, say_memory

if TYPE_CHECKING:
    from generation.backends.transformers import Backend

MODEL = "smollm2-135m-instruct"
#: How many rows the others hold at once, and the pages of `generate_batch`: what suits them best.
STATIC_ROWS, PAGED = 16, {"num_blocks": 512, "max_batch_tokens": 512, "max_requests_per_batch": 32}

#: Short and long answers by turns.
QUESTIONS = (
    "Answer with the word yes only.",
    "Tell a short tale of a ferryman who finds a letter that was never opened.",
    "How much is 3+5? Give the number only.",
    "Explain to a child of ten why the leaves fall in autumn.",
    "Name one bird.",
    "Give three hints for a good talk to a small audience.",
    "Which city is the capital of Norway? One word.",
    "How does one say 'thank you' in Spanish? Give the phrase only.",
)
PASSAGES = (
    "The library was founded in 1908 in what had been a tobacco factory. It keeps letters, maps "
    "and musical scores that three generations of printers had gathered. In 1947 a flood ruined "
    "the lower rooms, and the town rebuilt them with the help of a yearly fair. About ninety "
    "thousand readers come through its doors each year, most of them in the winter months. ",
    "The bridge beside it was opened in 1931 by a mayor who did not like bridges. It carries two "
    "tram lines, a footpath and the pipes of the waterworks across the river. In 1966 one of its "
    "arches was replaced after a barge had struck it in the fog. Some forty trams cross it in an "
    "hour, and on Sundays a market of old books is held under its northern end. ",
    "The garden behind the station belonged to a doctor who collected alpine plants. It has two "
    "ponds, a glass house and a row of lime trees that are older than the town hall. In 1982 the "
    "railway wanted the ground for a siding, and a petition of eleven thousand names prevented it. "
    "Schools use it for lessons in spring, and a band plays there on summer evenings. ",
)


class Taken(NamedTuple):
    """What one way took for the whole workload."""

    tokens: int
    wall: float
    processor: float

    @property
    def rate(self) -> float:
        return self.tokens / self.processor


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench generation", description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--yardstick", type=Path, metavar="FILE",
        help="a script that takes MODE --model DIR --n N --cap N, to be run beside",
    )  # fmt: skip
    arguments = parser.parse_args()
    _set_up()
    if arguments.device == "cuda":
        from scripts.bench.generation_shapes import bench_shapes

        bench_shapes(repeats=arguments.repeats)
        return
    bench_cpu(arguments)


def _set_up() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalsite.settings")
    os.environ["HF_HUB_OFFLINE"] = "1"
    import django
    import torch

    django.setup()
    torch.set_num_threads(1)


def bench_cpu(arguments: argparse.Namespace) -> None:
    from generation.backends.transformers import Backend
    from scripts.bench.roofline import say_roofline

    backend = Backend(MODEL, dtype=arguments.dtype)
    ways = _ways(backend, _prompts(arguments.prompts), arguments.new_tokens)
    for run in ways.values():
        run(3)  # warm-up
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for turn in range(arguments.repeats):
        for name, run in ways.items():
            taken[name].append(_timed(run))
            say(f"  turn {turn + 1}, {name}: {taken[name][-1].rate:.1f} tokens/s of processor time")
    _say_table(taken)
    say_roofline(backend, {name: (ways[name], taken[name]) for name in ("ours", "one by one")})
    if arguments.yardstick:
        _say_yardstick(arguments, backend.folder)
    say_first_token(backend.folder)
    say_memory()


def _prompts(count: int) -> list[str]:
    """Each question alone, then after one, two and three passages."""
    found = []
    for i in range(count):
        number, length = divmod(i, len(PASSAGES) + 1)
        passages = "".join(PASSAGES[:length])
        question = QUESTIONS[number % len(QUESTIONS)]
        found.append(f"{passages}\n\nQuestion: {question}" if passages else question)
    return found


Way = Callable[[int | None], int]


def _ways(backend: Backend, prompts: list[str], new_tokens: int) -> dict[str, Way]:
    """Return how each way makes the first n rows or all, and counts the tokens of their texts."""
    from generation.backends import GenerationRequest
    from generation.backends.settings import GenerationSettings
    from generation.backends.slots import SlotEngine

    requests = [
        GenerationRequest(
            key=i,
            messages=[{"role": "user", "content": prompt}],
            settings=GenerationSettings(max_new_tokens=new_tokens),
            seed_key=bytes(32),
        )
        for i, prompt in enumerate(prompts)
    ]
    ids = [backend.prompts.ids(request) for request in requests]
    say(f"{len(ids)} prompts, {sum(map(len, ids)):,} tokens, up to {new_tokens} new ones each")

    engine = SlotEngine(
        backend.model, backend.endings, pad_id=backend.pad_id, device=backend.device
    )

    def ours(rows: int | None, *, shares: bool = True) -> int:
        backend.engine = engine
        engine.shares = shares
        made = [result for result in backend.generate(requests[:rows]) if result]
        return sum(result.output_tokens or 0 for result in made)

    def one_by_one(rows: int | None) -> int:
        return sum(_generate(backend, [prompt], new_tokens) for prompt in ids[:rows])

    def static(rows: int | None) -> int:
        ordered = sorted(ids[:rows], key=len)
        batches = [ordered[i : i + STATIC_ROWS] for i in range(0, len(ordered), STATIC_ROWS)]
        return sum(_generate(backend, batch, new_tokens) for batch in batches)

    paged = _Paged(backend, new_tokens)
    return {
        "ours": ours,
        "ours, no beginning shared": lambda rows: ours(rows, shares=False),
        "generate_batch": lambda rows: paged.make(ids[:rows]),
        f"static batches of {STATIC_ROWS}, sorted": static,
        "one by one": one_by_one,
    }


def _generate(backend: Backend, prompts: list[list[int]], new_tokens: int) -> int:
    import torch

    width = max(map(len, prompts))
    ids = [[backend.pad_id] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    made = backend.model.generate(
        input_ids=torch.tensor(ids, device=backend.device),
        attention_mask=torch.tensor(mask, device=backend.device),
        max_new_tokens=new_tokens,
    )
    return sum(_useful(backend, row) for row in made[:, width:].tolist())


def _useful(backend: Backend, row: list[int]) -> int:
    """Count the tokens up to the end token, with it."""
    ends = (i + 1 for i, token in enumerate(row) if token in backend.eos_ids)
    return next(ends, len(row))


class _Paged:
    """transformers' continuous batching, with a model of its own: it changes the attention."""

    def __init__(self, backend: Backend, new_tokens: int) -> None:
        from dataclasses import fields

        from transformers import ContinuousBatchingConfig, GenerationConfig

        from generation.backends.transformers import _load

        self.backend = backend
        _, self.model = _load(backend.folder, dtype=backend.dtype, device=backend.device)
        known = {field.name for field in fields(ContinuousBatchingConfig)}
        page = "page_size" if "page_size" in known else "block_size"
        self.paging = ContinuousBatchingConfig(**{page: 32}, **PAGED, auto_switch_to_flash=False)
        self.config = GenerationConfig(
            max_new_tokens=new_tokens,
            do_sample=False,
            eos_token_id=backend.eos_ids,
            pad_token_id=backend.pad_id,
        )

    def make(self, prompts: list[list[int]]) -> int:
        made = self.model.generate_batch(
            prompts,
            generation_config=self.config,
            continuous_batching_config=self.paging,
            progress_bar=False,
        )
        if len(made) != len(prompts) or any(row.error for row in made.values()):
            raise SystemExit("bench: generate_batch did not make every row")
        return sum(_useful(self.backend, list(row.generated_tokens)) for row in made.values())


def _timed(run: Way) -> Taken:
    wall, processor = time.perf_counter(), time.process_time()
    tokens = run(None)
    return Taken(tokens, time.perf_counter() - wall, time.process_time() - processor)


def _say_table(taken: dict[str, list[Taken]]) -> None:
    """Medians over the turns; the ratio is the median of the ratios within a turn."""
    ours = taken["ours"]
    for name, turns in taken.items():
        ratio = median(a.rate / b.rate for a, b in zip(ours, turns, strict=True))
        wall = median(turn.tokens / turn.wall for turn in turns)
        say(
            f"{name}: {median(turn.rate for turn in turns):.1f} tokens/s of processor time, "
            f"{wall:.1f} of wall time; ours is {ratio:.2f} times it"
        )


def _say_yardstick(arguments: argparse.Namespace, folder: Path) -> None:
    """Run the script's own ways on its own workload, one process each."""
    for mode in ("naive", "refill:16", "cb"):
        ran = subprocess.run(  # noqa: S603 - the script that was named
            [sys.executable, arguments.yardstick, mode, "--model", folder, "--threads", "1",
             "--dtype", arguments.dtype, "--n", str(arguments.prompts),
             "--cap", str(arguments.new_tokens)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        say(f"yardstick, {mode}: {found['tok_per_cpu_s']} tokens/s of processor time")


def say_first_token(folder: Path) -> None:
    """Time a worker on a database of its own that has one row of one token to make."""
    import tempfile

    with tempfile.TemporaryDirectory() as data:
        seconds = list(_worker_seconds(folder, Path(data)))
    say(f"from a worker's start until its first token is stored: {median(seconds):.1f} s")


def _worker_seconds(folder: Path, data: Path, *, repeats: int = 3) -> Iterator[float]:
    environment = os.environ | {
        "EVALSITE_DATA": str(data),
        "DATABASE_URL": f"sqlite:///{data / 'bench.sqlite3'}",
        "EVALSITE_MODEL_ROOTS": str(folder.parent),
        **{f"DJANGO_SUPERUSER_{key}": "bench" for key in ("USERNAME", "PASSWORD")},
        "DJANGO_SUPERUSER_EMAIL": "bench@example.org",
    }

    def manage(*arguments: str) -> None:
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *arguments],
            env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    prompts = data / "prompts.jsonl"
    prompts.write_text('{"id": "1", "prompt": "Name a colour."}\n')
    manage("migrate")
    manage("createsuperuser", "--noinput")
    manage("import_prompts", str(prompts), "--prompt-set", "one")
    for number in range(repeats):
        system = f"system-{number}"
        manage("create_system", system, "--backend", "transformers", "--model", folder.name,
               "--generation", '{"max_new_tokens": 1}')  # fmt: skip
        manage("queue_generation", "--system", system, "--prompt-set", "one")
        start = time.perf_counter()
        manage("run_generation_worker", "--drain")
        yield time.perf_counter() - start


if __name__ == "__main__":
    main()
