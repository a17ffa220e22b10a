"""What is stored of rankings: leaderboards, and benchmark runs beside them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.timezone import now

from annotation.design import UNIFORM_SHARE
from annotation.exceptions import NotAdaptive, StudyNotLaunched
from annotation.models import Study
from annotation.rounds import RULE, add_round
from evalsite.lib.db import write_transaction
from evalsite.lib.exceptions import InputRefused
from generation.models import Output, PromptSet, System
from ranking.benchmarks import exact_match
from ranking.benchmarks.lm_eval import read_results
from ranking.benchmarks.records import RunRecord
from ranking.comparisons import comparisons, read_study
from ranking.exceptions import AlreadyImported, NothingToScore, RankingError
from ranking.models import Benchmark, BenchmarkRun, Leaderboard, Score, Standing
from ranking.reports import Options, build_report
from ranking.reports.measures import measure_of
from ranking.stats.pairing import RULES, pair_chances


def fit_leaderboard(study: Study, options: Options | None = None) -> Leaderboard:
    """Fit the study as it stands now and keep the result, dated and for good."""
    # Fitted before the transaction, which raters who answer have to wait for.
    if study.state == Study.State.DRAFT:
        raise StudyNotLaunched
    report = build_report(study, options)
    if report.get("tables") and not report["standings"]:
        raise RankingError(f"There is no fit of {study.protocol} judgments that could be kept.")
    if not report["standings"]:
        raise RankingError("There are no judgments to rank yet.")
    return _store_leaderboard(study, report)


@write_transaction()
def _store_leaderboard(study: Study, report: dict[str, Any]) -> Leaderboard:
    leaderboard = Leaderboard.objects.create(
        study=study, judgment_count=report["counts"]["judgments"], report=report
    )
    systems = {system.slug: system for system in study.systems.all()}
    key = measure_of(report).key
    Standing.objects.bulk_create(
        Standing(
            leaderboard=leaderboard,
            system=systems[row["system"]],
            rank=row["rank"],
            rank_low=row["rank_low"],
            rank_high=row["rank_high"],
            value=row[key],
            low=row[f"{key}_low"],
            high=row[f"{key}_high"],
            judgments=row["judgments"],
        )
        for row in report["standings"]
    )
    return leaderboard


@write_transaction()
def share_leaderboard(leaderboard: Leaderboard) -> None:
    """Make an unguessable link to it, if it has none; who has the link needs no account."""
    if not leaderboard.share_token:
        leaderboard.share_token = secrets.token_urlsafe(24)
        leaderboard.save(update_fields=["share_token"])


@write_transaction()
def unshare_leaderboard(leaderboard: Leaderboard) -> None:
    """Take the link back; a later one is another."""
    leaderboard.share_token = ""
    leaderboard.save(update_fields=["share_token"])


def ask_next_pairs(
    study: Study,
    *,
    count: int | None = None,
    rule: str = RULE,
    keep: int | None = None,
    by: User | None = None,
) -> int:
    """Add a round of tasks to an adaptive study, of the pairs that `rule` prefers now.

    See `annotation.rounds.add_round` for `count`, `keep` and what is raised; an unknown rule is
    refused. Returns how many tasks were added.
    """
    if rule not in RULES:
        raise InputRefused(f"unknown rule {rule!r}", expected=" or ".join(RULES))
    if study.pairing != Study.Pairing.ADAPTIVE:
        raise NotAdaptive
    counts = comparisons(read_study(study).people()).counts
    chances = pair_chances(counts, rule=rule, uniform_share=UNIFORM_SHARE)
    return add_round(study, chances=chances, rule=rule, count=count, keep=keep, by=by)


def import_benchmark_file(
    *, owner: User, name: str, content: bytes, system: System | None, harness_version: str = ""
) -> list[BenchmarkRun]:
    """Store the runs of one harness file, all or none.

    Without `system`, the model's name in the file must be the name or slug of one of the owner's
    systems. Raises `InputRefused` and `AlreadyImported`.
    """
    records = read_results(content, file=name)
    target = system or _system_called(owner, records[0].model, name)
    digest = hashlib.sha256(content).hexdigest()
    return _store_runs(
        target, records, harness_version=harness_version, source={"file": name, "sha256": digest}
    )


def _system_called(owner: User, model: str, file: str) -> System:
    systems = System.objects.owned_by(owner)
    for name in (model, Path(model).name):
        found = list(systems.filter(name=name)[:2]) or list(systems.filter(slug=name)[:2])
        if name and len(found) == 1:
            return found[0]
    raise InputRefused(
        f"no system is called {model!r}", expected="the system to be named (--system)", file=file
    )


@write_transaction()
def _store_runs(
    system: System,
    records: Sequence[RunRecord],
    *,
    harness_version: str,
    source: dict[str, str],
) -> list[BenchmarkRun]:
    if system.benchmark_runs.filter(provenance__source__sha256=source["sha256"]).exists():
        raise AlreadyImported(f"{source['file']} was imported for {system.name} already.")
    return [
        _store_run(system, record, harness_version=harness_version, source=source)
        for record in records
    ]


def _store_run(
    system: System, record: RunRecord, *, harness_version: str, source: dict[str, str]
) -> BenchmarkRun:
    benchmark, _ = Benchmark.objects.get_or_create(harness=record.harness, task=record.task)
    run = BenchmarkRun.objects.create(
        benchmark=benchmark,
        system=system,
        harness_version=record.harness_version or harness_version,
        git_hash=record.git_hash,
        task_version=record.task_version,
        task_hash=record.task_hash,
        shots=record.shots,
        size=record.size,
        is_limited=record.is_limited,
        measured_at=record.measured_at,
        provenance={**record.provenance, "model": record.model, "source": source},
    )
    Score.objects.bulk_create(
        Score(
            benchmark_run=run,
            metric=score.metric,
            filter=score.filter,
            value=score.value,
            stderr=score.stderr,
            higher_is_better=score.higher_is_better,
        )
        for score in record.scores
    )
    return run


def score_outputs(*, system: System, prompt_set: PromptSet, sample: int = 0) -> BenchmarkRun:
    """Measure exact match of a system's outputs on the prompts that have a reference."""
    pairs = list(
        Output.objects.done()
        .filter(system=system, prompt__prompt_set=prompt_set, sample=sample)
        .exclude(prompt__reference="")
        .order_by("prompt__position")
        .values_list("text", "prompt__reference")
    )
    if not pairs:
        raise NothingToScore
    references = prompt_set.prompts.exclude(reference="").count()
    record = RunRecord(
        harness="evalsite",
        harness_version=settings.EVALSITE_VERSION,
        git_hash="",
        task=f"exact match on {prompt_set.slug}",
        task_version=exact_match.VERSION,
        task_hash=prompt_set.content_hash,
        shots=0,
        size=len(pairs),
        is_limited=len(pairs) < references,
        measured_at=now(),
        model=system.slug,
        scores=exact_match.score(pairs),
    )
    source = {"file": "outputs", "sha256": ""}
    with write_transaction():
        return _store_run(system, record, harness_version="", source=source)
