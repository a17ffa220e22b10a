"""The arguments of commands that make a report."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from ranking.comparisons import Slice
from ranking.reports import Options
from ranking.reports.options import MARGIN


def add_report_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="of the random draws")
    parser.add_argument("--ties", choices=("half", "davidson"), default="half",
                        help="half a win each way, or a probability of their own")  # fmt: skip
    parser.add_argument("--cap", type=_share, metavar="SHARE",
                        help="no rater has more than this share of the weight")  # fmt: skip
    parser.add_argument("--margin", type=_share, default=MARGIN, metavar="DIFFERENCE",
                        help="win rates that close are equal enough (%(default)s)")  # fmt: skip
    parser.add_argument("--adjust", action="store_true",
                        help="adjust win rates for length and Markdown style too")  # fmt: skip
    parser.add_argument("--category", default="", help="only prompts of this category")
    parser.add_argument("--group", default="", help="only raters of this group")
    parser.add_argument("--since", type=_day, metavar="DATE", help="only judgments from that day")
    parser.add_argument("--until", type=_day, metavar="DATE", help="only judgments to that day")


def report_options(arguments: dict[str, Any]) -> Options:
    return Options(
        seed=arguments["seed"],
        ties=arguments["ties"],
        cap=arguments["cap"],
        margin=arguments["margin"],
        adjust=arguments["adjust"],
        part=Slice(
            category=arguments["category"],
            group=arguments["group"],
            since=arguments["since"],
            until=arguments["until"],
        ),
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ArgumentTypeError(f"{text!r} is no share; expected a number above 0, at most 1")
    return share


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day; expected YYYY-MM-DD") from None
