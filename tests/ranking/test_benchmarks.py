"""Harness results stand beside human scores, with their errors and versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.launch import launch_study
from generation.models import System
from ranking.benchmarks.exact_match import contains, exact_match, score
from ranking.models import BenchmarkRun, Score
from ranking.reports import build_report
from ranking.services import score_outputs
from tests.factories import (
    make_output,
    make_prompt,
    make_prompt_set,
    make_study,
    make_system,
    make_user,
)

pytestmark = pytest.mark.django_db

RESULTS = {
    "results": {"task": {"alias": "task", "acc,none": 0.5, "acc_stderr,none": "N/A"}},
    "configs": {"task": {}},
    "versions": {"task": 1.0},
    "config": {"model_args": "pretrained=my-model,dtype=float32"},
    "lm_eval_version": "0.4.13",
}


def write(path: Path, content: object) -> Path:
    file = path / "results_1.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def test_real_results_of_the_harness_are_read(shared_data):
    make_system(slug="smol")
    folder = shared_data / "harness" / "lm_eval" / "smollm2_custom_tasks"
    call_command("import_benchmark_run", folder, system="smol", verbosity=0)
    runs = {run.benchmark.task: run for run in BenchmarkRun.objects.all()}
    assert set(runs) == {"capitals_mc", "addition_gen"}
    gen = runs["addition_gen"]
    assert (gen.harness_version, gen.task_version, gen.size) == ("0.4.13", "0.1", 12)
    assert gen.task_hash
    scores = {(s.metric, s.filter): s for s in gen.scores.all()}
    flexible = scores["exact_match", "flexible-extract"]
    assert flexible.value == pytest.approx(1 / 3)
    assert flexible.stderr == pytest.approx(0.14213381090374033)
    assert flexible.higher_is_better is True
    brier = runs["capitals_mc"].scores.get(metric="brier_score")
    assert (brier.stderr, brier.higher_is_better) == (None, False)


def test_every_results_file_of_the_collection_is_read(shared_data):
    files = [*(shared_data / "harness" / "lm_eval").rglob("results_*.json")]
    files += [*(shared_data / "truthfulqa" / "lm_eval_results").glob("*results_*.json")]
    assert len(files) >= 10
    for number, file in enumerate(files):
        make_system(slug=f"s{number}")
        call_command("import_benchmark_run", file, system=f"s{number}", verbosity=0)
    assert BenchmarkRun.objects.filter(harness_version="").exclude(git_hash="").exists()
    assert Score.objects.filter(benchmark_run__system__slug="s0").exists()


def test_the_system_is_taken_from_the_files_model_name(tmp_path):
    system = make_system(slug="my-model", owner=make_user("researcher"))
    call_command("import_benchmark_run", write(tmp_path, RESULTS), verbosity=0)
    run = system.benchmark_runs.get()
    assert run.scores.get().stderr is None


def test_limited_results_are_marked(tmp_path):
    make_system(slug="s")
    limited = {**RESULTS, "n-samples": {"task": {"original": 100, "effective": 10}}}
    call_command("import_benchmark_run", write(tmp_path, limited), system="s", verbosity=0)
    assert BenchmarkRun.objects.get().is_limited


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "not a results file"),
        ("[" * 100_000, "nested too deep"),
        ({"results": {}, "configs": {}}, "no task has a score"),
        ({"results": {"t": {"acc,none": float("nan")}}, "configs": {}}, "t: acc,none is nan"),
        ({"results": {"t": 1}, "configs": {}}, "malformed results"),
        ({**RESULTS, "date": 1e300}, "malformed results"),
        ({**RESULTS, "n-shot": {"task": "many"}}, "malformed results"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, capsys, content, words):
    make_system(slug="s")
    with pytest.raises(SystemExit) as ended:
        call_command("import_benchmark_run", write(tmp_path, content), system="s")
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("results_1.json")
    assert words in line
    assert not BenchmarkRun.objects.exists()


def test_the_same_file_twice_and_an_unknown_system_are_refused(tmp_path, capsys):
    make_system(slug="s")
    file = write(tmp_path, RESULTS)
    call_command("import_benchmark_run", file, system="s", verbosity=0)
    for options, words in (({"system": "s"}, "already"), ({}, "no system is called 'my-model'")):
        with pytest.raises(SystemExit):
            call_command("import_benchmark_run", file, **options)
        assert words in capsys.readouterr().err
    assert BenchmarkRun.objects.count() == 1


def test_exact_match_forgives_case_articles_and_marks():
    assert exact_match("  The Mice!", "mice")
    assert not exact_match("two mice", "mice")
    assert contains("It is Oslo, surely.", "oslo")
    assert not contains("Osloan", "oslo")
    exact, inside = score([("yes", "yes"), ("yes it is", "yes"), ("no", "yes")])
    assert (exact.value, inside.value) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert exact.stderr == pytest.approx((1 / 3 * 2 / 3 / 2) ** 0.5)


def test_scores_stand_in_the_report_of_the_study():
    prompt_set = make_prompt_set(prompts=0)
    make_prompt(prompt_set=prompt_set, position=0, reference="two")
    make_prompt(prompt_set=prompt_set, position=1)
    study = make_study(prompt_set=prompt_set)
    first = study.systems.first()
    run = score_outputs(system=first, prompt_set=prompt_set)
    assert run.size == 1
    launch_study(study)
    rows = build_report(study)["benchmarks"]
    assert {row["metric"] for row in rows} == {"exact_match", "contains"}
    assert {row["system"] for row in rows} == {first.slug}
    assert {row["harness"] for row in rows} == {"evalsite"}


def test_the_page_imports_and_refuses(tmp_path):
    make_system(slug="mine")
    theirs = make_system(slug="theirs", owner=make_user("charlie"))
    alice = Client()
    alice.force_login(make_user("alice"))
    with write(tmp_path, RESULTS).open("rb") as file:
        page = alice.post("/benchmarks/import/", {"file": file, "system": theirs.pk})
    assert "Select a valid choice" in page.content.decode()
    with write(tmp_path, "{").open("rb") as file:
        page = alice.post("/benchmarks/import/", {"file": file})
    assert "not JSON" in page.content.decode()
    mine = System.objects.get(slug="mine")
    with write(tmp_path, RESULTS).open("rb") as file:
        answer = alice.post("/benchmarks/import/", {"file": file, "system": mine.pk})
    assert answer.status_code == 302
    assert "0.500" in alice.get("/benchmarks/").content.decode()


def test_an_output_that_is_not_done_is_not_scored():
    prompt_set = make_prompt_set(prompts=0)
    prompt = make_prompt(prompt_set=prompt_set, reference="two")
    system = make_system()
    make_output(system=system, prompt=prompt, state="pending", text="")
    with pytest.raises(Exception, match="no references"):
        score_outputs(system=system, prompt_set=prompt_set)
