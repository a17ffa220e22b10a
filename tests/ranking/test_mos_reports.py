"""A MOS report, and agreement in both kinds of report, on the page and in every export."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest
from django.test import Client

from annotation.launch import launch_study
from annotation.models import Study
from annotation.services import exclude
from ranking.reports import Options, build_report
from ranking.reports.formats import FORMATS
from tests.factories import make_judgment, make_rater, make_study, make_user

pytestmark = pytest.mark.django_db


def scored(study: Study, *, raters: int, seed: int = 1, is_judge: bool = False) -> Study:
    """Each system is better than the one before; raters are harsh or mild by half a score."""
    rng = random.Random(seed)
    place = {system.pk: i for i, system in enumerate(_systems(study))}
    for r in range(raters):
        name = f"judge {r}" if is_judge else f"rater {r}"
        rater, bias = make_rater(study, name, is_judge=is_judge), rng.choice([-0.5, 0, 0.5])
        for task in study.tasks.all():
            latent = 2.2 + 0.8 * place[task.system_a_id] + bias + rng.gauss(0, 0.7)
            make_judgment(task, rater, score=min(5, max(1, round(latent))))
    return study


def _systems(study):
    return study.systems.order_by("study_systems__position")


def mos_study(**kwargs) -> Study:
    return launch_study(make_study(protocol="mos", systems=3, **{"prompts": 6, **kwargs}))


def page_of(study) -> str:
    client = Client()
    client.force_login(make_user("alice"))
    answer = client.get(f"/studies/{study.slug}/leaderboard/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_ranks_are_ranges_from_the_scores():
    rows = build_report(scored(mos_study(), raters=8))["standings"]
    assert [row["system"] for row in rows] == ["system-3", "system-2", "system-1"]
    assert (rows[0]["rank_low"], rows[-1]["rank_high"]) == (1, 3)
    assert sum(row["best"] for row in rows) == pytest.approx(1)
    for row in rows:
        assert row["mos_low"] < row["mos"] < row["mos_high"]
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]
        assert row["rank_low_without_a_rater"] <= row["rank"] <= row["rank_high_without_a_rater"]
        assert row["system"] not in row["tied_with"]
        assert abs(row["mos_corrected"] - row["mos"]) < 0.2
        assert row["raters"] == 8
    assert rows[0]["rank_high"] == 1
    assert "system-1" not in rows[0]["tied_with"]


def test_differences_the_ordinal_model_and_raters_are_in_the_report():
    report = build_report(scored(mos_study(), raters=8))
    means = {row["system"]: row["mos"] for row in report["standings"]}
    pairs = {(row["a"], row["b"]): row for row in report["differences"]}
    assert set(pairs) == {
        ("system-3", "system-2"), ("system-3", "system-1"), ("system-2", "system-1"),
    }  # fmt: skip
    for (a, b), row in pairs.items():
        # Every rater judged every task: the paired difference is that of the means.
        assert row["difference"] == pytest.approx(means[a] - means[b])
        assert row["low"] < row["difference"] < row["high"]
        assert 0 < row["p"] <= row["p_holm"] <= 1
        assert row["prompts"] == 6
    assert report["ordinal"]["same_order"] is True
    effects = [row["effect"] for row in report["ordinal"]["estimates"]]
    assert effects == sorted(effects)
    assert sum(effects) == pytest.approx(0, abs=1e-9)
    assert {row["rater"] for row in report["raters"]} == {f"rater {r}" for r in range(8)}
    assert sum(row["influence"] for row in report["raters"]) == pytest.approx(1)
    assert sum(row["bias"] for row in report["raters"]) == pytest.approx(0, abs=1e-9)
    assert all(row["inconsistency"] > 0 for row in report["raters"])


def test_the_checks_say_what_was_found():
    report = build_report(scored(mos_study(), raters=8))
    said = {row["title"]: row["says"] for row in report["checks"]}
    assert said["Differences"].startswith("Of 3 pairs of systems, 3 differ beyond chance")
    assert "Krippendorff's alpha (ordinal) is 0." in said["Agreement"]
    assert "within one score" in said["Agreement"]
    assert "the order stays as it is" in said["Rater bias"]
    assert "gives the same order" in said["Scale"]
    assert "every rank stays as it is" in said["One rater"]
    words = report["method_in_words"]
    assert "clustered by rater and by prompt, two-way" in words
    assert "ITU-T P.913, 12.6" in words
    assert "Holm" in words


def test_every_alpha_and_the_raw_agreement_are_given():
    report = build_report(scored(mos_study(), raters=4))
    found = report["agreement"]
    assert set(found["by_metric"]) == {"nominal", "ordinal", "interval"}
    assert found["alpha"] == found["by_metric"]["ordinal"]["value"]
    assert found["low"] < found["alpha"] < found["high"]
    raw = report["raw_agreement"]
    assert raw["with_ties"]["low"] < raw["with_ties"]["value"] < raw["within_one"]["value"]
    assert raw["without_ties"] is None
    assert (found["tasks"], raw["tasks"]) == (18, 18)


def test_pairwise_agreement_is_given_with_and_without_ties():
    study = launch_study(make_study(systems=2, prompts=12))
    bob, carol = make_rater(study, "bob"), make_rater(study, "carol")
    for number, task in enumerate(study.tasks.order_by("pk")):
        make_judgment(task, bob, verdict="a")
        make_judgment(task, carol, verdict="a" if number < 6 else "b" if number < 9 else "tie")
    report = build_report(study)
    raw = report["raw_agreement"]
    assert raw["with_ties"]["value"] == pytest.approx(6 / 12)
    assert raw["without_ties"]["value"] == pytest.approx(6 / 9)
    assert raw["without_ties"]["low"] is None  # of nine tasks only
    assert report["agreement"]["metric"] == "nominal"
    said = {row["title"]: row["says"] for row in report["checks"]}["Agreement"]
    assert "agree on a task 50.0% of the time, 66.7% where neither calls a tie" in said


def test_a_judge_is_compared_with_people_and_stays_out_of_everything_else():
    study = scored(mos_study(), raters=5)
    before = build_report(study)
    scored(study, raters=2, seed=5, is_judge=True)
    report = build_report(study)
    assert report["standings"] == before["standings"]
    assert report["agreement"] == before["agreement"]
    assert [row["judge"] for row in report["judges"]] == ["judge 0", "judge 1"]
    for row in report["judges"]:
        assert (row["judgments"], row["tasks"]) == (18, 18)
        assert row["with_ties"]["low"] < row["with_ties"]["value"] < row["with_ties"]["high"]
        assert row["alpha"]["value"] > 0
        assert row["people"] == report["raw_agreement"]
    assert (
        "judge 0 agrees with a rater on"
        in {r["title"]: r["says"] for r in report["checks"]}["Judges"]
    )


def test_a_judge_of_verdicts_is_held_against_people_on_its_tasks_only():
    study = launch_study(make_study(systems=2, prompts=12))
    bob, carol = make_rater(study, "bob"), make_rater(study, "carol")
    judge = make_rater(study, "a model", is_judge=True)
    tasks = list(study.tasks.order_by("pk"))
    for number, task in enumerate(tasks):
        make_judgment(task, bob, verdict="a")
        make_judgment(task, carol, verdict="a" if number % 2 else "tie")
    for number, task in enumerate(tasks[:10]):
        make_judgment(task, judge, verdict="a" if number < 8 else "b")
    (row,) = build_report(study)["judges"]
    assert (row["judgments"], row["tasks"]) == (10, 10)
    assert row["with_ties"]["value"] == pytest.approx(0.8 * 0.75)
    assert row["without_ties"]["value"] == pytest.approx(0.8)
    assert row["people"]["with_ties"]["value"] == pytest.approx(0.5)
    assert row["within_one"] is None
    exclude(rater=judge, rule="wrong prompt", reason="an old version of it")
    assert build_report(study)["judges"][0]["with_ties"] is None


def test_the_page_shows_it_all():
    study = scored(mos_study(), raters=5)
    scored(study, raters=1, seed=7, is_judge=True)
    page = page_of(study)
    for part in ("Mean opinion score", "Differences", "System 3 over System 1", "Decided",
                 "Raters among each other", "judge 0 with raters", "Alpha, ordinal",
                 "Alpha by metric: nominal", "Inconsistency", "Corrected",
                 "How often each score was given"):  # fmt: skip
        assert part in page, part
    assert "Discrimination" not in page
    assert "None" not in page
    assert "nan" not in page


def test_the_exports_show_it_all():
    report = build_report(scored(mos_study(), raters=5))
    markdown = FORMATS["md"].render(report)
    assert "## Differences" in markdown
    assert "## Agreement" in markdown
    assert "| System 3 over System 1 |" in markdown
    assert "## How often each score was given" in markdown
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    for row, wanted in zip(rows, report["standings"], strict=True):
        assert float(row["mos_corrected"]) == pytest.approx(wanted["mos_corrected"])
        assert float(row["best"]) == pytest.approx(wanted["best"])
    assert "rater 1" in FORMATS["html"].render(report)
    assert json.loads(FORMATS["json"].render(report))["ordinal"]["same_order"] is True


def test_the_same_seed_gives_the_same_report_whoever_came_first():
    """The numbering of raters is by their first judgment; nothing depends on it."""
    one, two = mos_study(), mos_study()
    for study, order in ((one, [0, 1, 2, 3]), (two, [3, 1, 0, 2])):
        raters = {r: make_rater(study, f"rater {r}") for r in order}
        for r in order:
            for number, task in enumerate(study.tasks.order_by("prompt__position", "system_a")):
                make_judgment(task, raters[r], score=1 + (number * (r + 2) + r) % 5)
    rows = [build_report(study, Options(seed=3)) for study in (one, two)]
    for first, second in zip(rows[0]["standings"], rows[1]["standings"], strict=True):
        assert first["mos_low"] == pytest.approx(second["mos_low"], abs=1e-9)
        assert (first["rank_low"], first["rank_high"]) == (second["rank_low"], second["rank_high"])
    assert rows[0]["agreement"] == rows[1]["agreement"]


@pytest.mark.parametrize("raters", [0, 1])
def test_too_little_is_said_to_be_too_little(raters):
    study = scored(mos_study(), raters=raters)
    report = build_report(study)
    assert report["agreement"] is None
    assert report["raw_agreement"] is None
    assert {row["mos_low"] for row in report["standings"]} <= {None}
    assert {(row["rank_low"], row["rank_high"]) for row in report["standings"]} <= {(1, 3)}
    assert all(row["p"] is None for row in report["differences"])
    assert report["raters"] == []
    for form in FORMATS.values():
        assert "NaN" not in form.render(report)
    page = page_of(study)
    assert ("Only one rater has judged" in page) == (raters == 1)
    assert "yes</td>" not in page


def test_scores_that_are_all_the_same_decide_nothing():
    study = mos_study()
    for r in range(4):
        rater = make_rater(study, f"rater {r}")
        for task in study.tasks.all():
            make_judgment(task, rater, score=4)
    report = build_report(study)
    for row in report["standings"]:
        assert row["mos_low"] < 3 < 4 < row["mos_high"]
        assert (row["rank_low"], row["rank_high"]) == (1, 3)
    assert "nothing varies" in report["warnings"][0]
    assert report["agreement"] is None
    assert report["raw_agreement"]["with_ties"]["value"] == 1
    assert report["raw_agreement"]["with_ties"]["low"] < 0.9
    assert report["ordinal"]["same_order"] is None
    assert (
        "No ordinal model could be fitted"
        in {r["title"]: r["says"] for r in report["checks"]}["Scale"]
    )
    for form in FORMATS.values():
        assert "nan" not in form.render(report).lower().replace("unanimous", "")
    assert "First place is not decided" in page_of(study)


def test_a_system_that_one_rater_judged_is_named():
    study = mos_study()
    third = _systems(study)[2]
    for r in range(3):
        rater = make_rater(study, f"rater {r}")
        for number, task in enumerate(study.tasks.all()):
            if r == 0 or task.system_a_id != third.pk:
                make_judgment(task, rater, score=1 + (number + r) % 5)
    report = build_report(study)
    assert any("Judged by one rater only" in w and third.name in w for w in report["warnings"])
    (row,) = [row for row in report["standings"] if row["system"] == third.slug]
    assert (row["mos_low"], row["rank_low"], row["rank_high"]) == (None, 1, 3)
    page_of(study)


def test_a_crowd_of_single_judgments_gets_no_correction_and_says_why():
    study = mos_study()
    for number, task in enumerate(study.tasks.all()):
        for r in range(3):
            make_judgment(task, make_rater(study, f"rater {number}-{r}"), score=2 + r)
    report = build_report(study)
    assert {row["mos_corrected"] for row in report["standings"]} == {None}
    said = {row["title"]: row["says"] for row in report["checks"]}
    assert "fewer than 5 judgments each" in said["Rater bias"]
    assert "–" in page_of(study)


def test_systems_without_a_prompt_in_common_have_no_difference():
    study = mos_study(prompts=4)
    prompts = list(study.prompt_set.prompts.order_by("position"))
    first, second, _ = _systems(study)
    for r in range(3):
        rater = make_rater(study, f"rater {r}")
        for system, part in ((first, prompts[:2]), (second, prompts[2:])):
            for number, task in enumerate(study.tasks.filter(system_a=system, prompt__in=part)):
                make_judgment(task, rater, score=1 + (number + r) % 5)
    report = build_report(study)
    assert len(report["standings"]) == 2
    assert report["differences"] == []
    page_of(study)
