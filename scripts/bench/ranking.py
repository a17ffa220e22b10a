"""The statistics and the report page, beside choix, evalica and, if named, a prototype."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import choix
import numpy as np
from numpy.typing import NDArray

from ranking.stats.bootstrap import bootstrap_strengths
from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.counts import A_WINS, B_WINS, TIE, Counts, Floats, aggregate
from scripts.bench.timing import beside, median, say, say_memory

SYSTEMS, JUDGMENTS, MANY = 100, 1_000_000, 10_000_000
RESAMPLES = 1000

Judged = tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int8]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench ranking", description=__doc__)
    parser.add_argument(
        "--prototype", type=_module, metavar="FILE",
        help="a Python file with agg, fit_bt and bootstrap, to be measured beside",
    )  # fmt: skip
    parser.add_argument("--no-page", action="store_true", help="the statistics only")
    arguments = parser.parse_args()
    say(f"{SYSTEMS} systems, {JUDGMENTS:,} judgments, one in five a tie")
    bench_fit(arguments.prototype)
    bench_bootstrap(arguments.prototype)
    bench_aggregation(arguments.prototype)
    say_memory()
    if not arguments.no_page:
        # Only now: it sets up Django in a folder of its own.
        from scripts.bench.report_page import bench_page

        bench_page()
        say_memory()


def bench_fit(prototype: ModuleType | None) -> None:
    """Strengths to a gradient below 1e-8, from counts and from judgments."""
    judged = _judged(JUDGMENTS)
    half_wins = _counts(judged).half_wins
    ours = median("fit from counts", lambda: fit_bradley_terry(half_wins), repeats=30)
    beside("choix, dense ILSR", lambda: choix.ilsr_pairwise_dense(half_wins, tol=1e-8), ours)
    if prototype:
        beside("the prototype", lambda: prototype.fit_bt(half_wins, tol=1e-8), ours, repeats=30)
    whole = median(
        "from judgments: count, then fit", lambda: fit_bradley_terry(_counts(judged).half_wins)
    )
    if importlib.util.find_spec("evalica"):
        _bench_evalica(judged, whole)
    else:
        say("  evalica is not installed: pip install -e '.[bench]'")


def _bench_evalica(judged: Judged, ours: float) -> None:
    import evalica

    winner = {A_WINS: evalica.Winner.X, B_WINS: evalica.Winner.Y, TIE: evalica.Winner.Draw}
    xs, ys = judged[0].tolist(), judged[1].tolist()
    ws = [winner[outcome] for outcome in judged[2].tolist()]

    def fit() -> Any:
        return evalica.bradley_terry(xs, ys, ws, tolerance=1e-8, limit=100_000)

    beside("evalica, from lists", fit, ours, repeats=3)


def bench_bootstrap(prototype: ModuleType | None) -> None:
    """One Exp(1) weight a judgment, each resample fitted to 1e-8."""
    counts = _counts(_judged(JUDGMENTS))
    fit = fit_bradley_terry(counts.half_wins)

    def draw() -> Floats:
        rng = np.random.default_rng(0)
        return bootstrap_strengths(fit, counts, rng=rng, resamples=RESAMPLES)

    ours = median(f"{RESAMPLES:,} Bayesian bootstraps", draw)
    if prototype:
        start = fit.strengths
        beside(
            "the prototype",
            lambda: prototype.bootstrap(start, counts.wins, counts.ties, RESAMPLES),
            ours,
        )


def bench_aggregation(prototype: ModuleType | None) -> None:
    a, b, outcome = judged = _judged(MANY)
    floor = median(f"read {MANY:,} judgments once", lambda: (a.sum(), b.sum(), outcome.sum()))
    ours = median("count them", lambda: _counts(judged))
    say(f"  {ours / floor:.2f} times reading them once")
    if prototype:
        won = np.array([2, 0, 1], dtype=np.int8)[outcome]
        beside("the prototype", lambda: prototype.agg(a, b, won, SYSTEMS), ours)


def _judged(count: int) -> Judged:
    """Random pairs of systems with normal strengths, in the smallest types that hold them."""
    rng = np.random.default_rng(1)
    strengths = rng.normal(0, 1, SYSTEMS)
    a = rng.integers(0, SYSTEMS, count)
    b = (a + rng.integers(1, SYSTEMS, count)) % SYSTEMS
    chance = 1 / (1 + np.exp(strengths[b] - strengths[a]))
    outcome = np.where(rng.random(count) < chance, A_WINS, B_WINS)
    outcome[rng.random(count) < 0.2] = TIE
    return a.astype(np.int16), b.astype(np.int16), outcome.astype(np.int8)


def _counts(judged: Judged) -> Counts:
    return aggregate(*judged, SYSTEMS)


def _module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("prototype", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
