"""`manage.py plan_study --systems 3 --margin 0.05`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from math import ceil, isfinite
from typing import Any

import numpy as np

from evalsite.lib.commands import EvalsiteCommand
from ranking.exceptions import CannotBePlanned
from ranking.stats.exceptions import NotPossible
from ranking.stats.planning import Design, Effect, Plan, Reading, detectable_margin, of_size, plan
from ranking.stats.power import simulate_power

MOST_SYSTEMS = 1000
MOST_RUNS = 100_000


class Command(EvalsiteCommand):
    help = (
        "Say how many judgments and raters a pairwise study needs to find the better of two "
        "systems, and what they cost. With --judgments: what so many would find."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--systems", type=int, required=True)
        add("--margin", type=float, default=0.05,
            help="difference of win rates to be found (default: %(default)s)")  # fmt: skip
        add("--power", type=float, default=0.8, help="chance to find it (default: %(default)s)")
        add("--level", type=float, default=0.95, help="of the interval (default: %(default)s)")
        add("--ties", type=float, default=0.2, help="share of judgments (default: %(default)s)")
        add("--per-rater", type=int, default=50, help="judgments (default: %(default)s)")
        add("--rater-correlation", type=float, default=0.05,
            help="of two judgments of one pair by one rater (default: %(default)s)")  # fmt: skip
        add("--prompts", type=int, help="how many there are (default: one a judgment)")
        add("--prompt-correlation", type=float, default=0.0,
            help="of two judgments of one pair on one prompt (default: %(default)s)")  # fmt: skip
        add("--all-pairs", action="store_true", help="for every pair at once (Bonferroni)")
        add("--at-any-time", action="store_true", help="read by the confidence sequence")
        add("--judgments", type=int, help="say what so many would find")
        add("--seconds", type=float, default=30, help="per judgment (default: %(default)s)")
        pay = parser.add_mutually_exclusive_group()
        pay.add_argument("--pay-per-hour", type=float, default=0.0)
        pay.add_argument("--pay-per-judgment", type=float, default=0.0)
        add("--simulate", type=int, default=0, metavar="N", help="check by N simulated studies")
        add("--seed", type=int, default=0, help="of the simulation")
        add("--format", choices=("text", "json"), default="text")

    def handle(self, *, format: str, **arguments: Any) -> None:
        _check(arguments)
        try:
            row = _row(arguments)
        except NotPossible as error:
            raise CannotBePlanned(f"{error}.") from None
        text = json.dumps(row, indent=2) if format == "json" else _table(row)
        self.stdout.write(text)


def _check(arguments: dict[str, Any]) -> None:
    """Refuse what no plan is about; what only a design can refuse, it does."""
    ranges = {
        "systems": (2, MOST_SYSTEMS),
        "level": (0.5, 0.9999),
        "power": (0.01, 0.9999),
        "per_rater": (1, 1_000_000),
        "judgments": (1, 10**9),
        "seconds": (0, 10**6),
        "pay_per_hour": (0, 10**6),
        "pay_per_judgment": (0, 10**6),
        "simulate": (0, MOST_RUNS),
        "seed": (0, 2**63),
    }
    for name, (low, high) in ranges.items():
        value = arguments[name]
        if value is not None and not (isfinite(value) and low <= value <= high):
            option = "--" + name.replace("_", "-")
            raise CannotBePlanned(f"{option} {value:g}: expected {low:,} to {high:,}")


def _row(arguments: dict[str, Any]) -> dict[str, Any]:
    names = ("systems", "ties", "per_rater", "rater_correlation", "prompts", "prompt_correlation")
    design = Design(**{name: arguments[name] for name in names})
    reading = Reading(
        level=arguments["level"],
        comparisons=design.pairs if arguments["all_pairs"] else 1,
        at_any_time=arguments["at_any_time"],
    )
    margin, wanted, judgments = (arguments[name] for name in ("margin", "power", "judgments"))
    found: dict[str, Any] = {}
    if judgments is None:
        planned = plan(design, margin, wanted=wanted, reading=reading)
    else:
        raters = judgments // design.per_rater
        planned = of_size(design, margin, raters=raters, reading=reading)
        found["detectable_margin"] = detectable_margin(
            design, raters=raters, wanted=wanted, reading=reading
        )
    return {
        **{name: arguments[name] for name in names},
        "level": reading.level,
        "comparisons": reading.comparisons,
        "at_any_time": reading.at_any_time,
        "wanted_power": wanted,
        **_of(planned),
        **found,
        **_price(planned, arguments),
        **_simulated(planned, reading, arguments),
    }


def _of(planned: Plan) -> dict[str, Any]:
    effect = Effect(design=planned.design, margin=planned.margin)
    return {
        "margin": planned.margin,
        "head_to_head": float(effect.expected[0, 1]),
        "power": planned.power,
        "judgments": planned.judgments,
        "raters": planned.raters,
        "judgments_per_pair": planned.per_pair,
        "judgments_per_task": planned.per_task,
    }


def _price(planned: Plan, arguments: dict[str, Any]) -> dict[str, float]:
    hours = planned.judgments * arguments["seconds"] / 3600
    by_judgment = planned.judgments * arguments["pay_per_judgment"]
    return {"hours": hours, "cost": hours * arguments["pay_per_hour"] + by_judgment}


def _simulated(planned: Plan, reading: Reading, arguments: dict[str, Any]) -> dict[str, Any]:
    if not arguments["simulate"]:
        return {}
    found = simulate_power(
        Effect(design=planned.design, margin=planned.margin),
        raters=planned.raters,
        reading=reading,
        runs=arguments["simulate"],
        rng=np.random.default_rng(arguments["seed"]),
    )
    return {
        "simulated_power": found.value,
        "simulated_power_se": found.error,
        "simulated_studies": found.runs,
    }


def _table(row: dict[str, Any]) -> str:
    """Return the plan as aligned lines, and a sentence on what it is for."""
    lines = [
        ("Judgments", f"{row['judgments']:,}"),
        ("per pair", f"{row['judgments_per_pair']:,.1f}"),
        ("Raters", f"{row['raters']:,}"),
        ("judgments of each", f"{row['per_rater']:,}"),
    ]
    if row["judgments_per_task"] is not None:
        each = row["judgments_per_task"]
        lines.append(("per task", f"{each:,.2f} (a target of {ceil(each - 1e-9)})"))
    lines.append(("Hours", f"{row['hours']:,.1f}"))
    if row["cost"]:
        lines.append(("Cost", f"{row['cost']:,.2f}"))
    lines.append(("Power", f"{100 * row['power']:.1f}%"))
    if "detectable_margin" in row:
        least = f"{100 * row['detectable_margin']:.1f} points of win rate"
        lines.append((f"found with {100 * row['wanted_power']:g}%", least))
    if "simulated_power" in row:
        share, error = (100 * row[k] for k in ("simulated_power", "simulated_power_se"))
        lines.append(("by simulation", f"{share:.1f}% (standard error {error:.1f})"))
    width = max(len(name) for name, _ in lines)
    return "\n".join([_purpose(row), "", *(f"{n:<{width}}  {value}" for n, value in lines)])


def _purpose(row: dict[str, Any]) -> str:
    looks = "at any time" if row["at_any_time"] else "once, at the end"
    pairs = f", {row['comparisons']} pairs at once" if row["comparisons"] > 1 else ""
    return (
        f"{row['systems']} systems; win rates {100 * row['margin']:g} points apart (of two such, "
        f"the better wins {100 * row['head_to_head']:.1f}%, ties half); "
        f"{100 * row['level']:g}% level, read {looks}{pairs}."
    )
