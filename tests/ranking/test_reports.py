"""The report says what the judgments say, in every state that a study can be in."""

from __future__ import annotations

import csv
import io
import json
import random
import re

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotation.launch import launch_study
from annotation.models import Study, Task
from annotation.services import exclude, lift_exclusion
from generation.models import Output, System
from ranking.comparisons import Slice
from ranking.reports import Options, build_report
from ranking.reports.formats import FORMATS
from ranking.reports.style import style_features
from ranking.services import ask_next_pairs
from ranking.stats.bradley_terry import fit_bradley_terry
from ranking.stats.pairing import inverse_chance_weights
from tests.factories import make_judgment, make_rater, make_study, make_user

pytestmark = pytest.mark.django_db

KEYS = {
    "study", "protocol", "generated_at", "evalsite_version", "counts", "method", "standings",
    "groups", "warnings", "exclusions", "benchmarks", "agreement",
}  # fmt: skip


def judged(*, raters: int = 4, **kwargs) -> Study:
    """The first system beats the others on most prompts."""
    study = launch_study(make_study(systems=3, prompts=6, **kwargs))
    for r in range(raters):
        rater = make_rater(study, f"rater {r}")
        for number, task in enumerate(study.tasks.order_by("prompt", "system_a", "system_b")):
            if kwargs.get("protocol") == "mos":
                make_judgment(task, rater, score=min(5, 3 + (number + r) % 3))
                continue
            verdict = ("a", "a", "b", "a", "tie", "both_bad")[(number + r) % 6]
            make_judgment(task, rater, verdict=verdict, left="ab"[(number + r) % 2])
    return study


def test_the_counts_are_those_of_the_rows():
    study = judged()
    report = build_report(study)
    assert report.keys() >= KEYS
    counts = report["counts"]
    assert (counts["judgments"], counts["raters"], counts["prompts"]) == (72, 4, 6)
    assert counts["ties"] == study.judgments.filter(verdict="tie").count() > 0
    assert counts["both_bad"] == study.judgments.filter(verdict="both_bad").count() > 0
    for row in report["standings"]:
        total = row["wins"] + row["losses"] + row["ties"] + row["both_bad"]
        assert total == row["judgments"] == 48
        assert row["win_rate_low"] <= row["win_rate"] <= row["win_rate_high"]
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]
    assert sum(row["strength"] for row in report["standings"]) == pytest.approx(0, abs=1e-9)
    pair = report["pairs"][0]
    between = study.judgments.filter(task__system_a__slug=pair["a"], task__system_b__slug=pair["b"])
    assert pair["judgments"] == between.count()
    assert pair["a_wins"] == between.filter(verdict="a").count()
    worth = {"tie": 0.5, "both_bad": 0.5}
    left = [worth.get(j.verdict, float(j.verdict == j.left)) for j in study.judgments.all()]
    assert report["position"]["observed"] == pytest.approx(sum(left) / len(left))
    assert report["position"]["low"] < report["position"]["left_win_rate"] < 0.5


def test_the_same_seed_gives_the_same_report():
    study = judged()
    one, two, other = (build_report(study, Options(seed=seed)) for seed in (3, 3, 4))
    assert one["standings"] == two["standings"]
    assert one["second_opinion"] == two["second_opinion"] != other["second_opinion"]


def test_an_exclusion_is_shown_counted_and_can_be_lifted():
    study = judged()
    exclusion = exclude(rater=study.raters.first(), rule="by hand", reason="answered in a second")
    report = build_report(study)
    assert (report["counts"]["judgments"], report["counts"]["excluded"]) == (54, 18)
    assert report["exclusions"][0]["reason"] == "answered in a second"
    everything = {row["system"]: row["judgments"] for row in report["standings_with_excluded"]}
    assert set(everything.values()) == {48}
    lift_exclusion(exclusion)
    assert build_report(study)["counts"]["excluded"] == 0


def test_a_correction_replaces_what_it_corrects():
    study = judged(raters=1)
    old = study.judgments.filter(verdict="a").first()
    make_judgment(old.task, old.rater, verdict="b", supersedes=old)
    assert build_report(study)["counts"]["judgments"] == 18


def test_no_judgments_yet():
    report = build_report(launch_study(make_study()))
    assert report["standings"] == []
    assert report["headline"] == "No judgments yet."
    for form in FORMATS.values():
        assert form.render(report)


def test_one_rater_gives_no_interval_and_says_so():
    report = build_report(judged(raters=1))
    assert {row["win_rate_low"] for row in report["standings"]} == {None}
    assert {(row["rank_low"], row["rank_high"]) for row in report["standings"]} == {(1, 3)}
    assert "Only one rater has judged: there are no intervals." in report["warnings"]


def test_groups_that_were_never_compared_have_tables_of_their_own():
    study = launch_study(make_study(systems=4, prompts=4))
    first, second, third, fourth = study.systems.order_by("study_systems__position")
    bob, carol = make_rater(study, "bob"), make_rater(study, "carol")
    for a, b in ((first, second), (third, fourth)):
        for number, task in enumerate(study.tasks.filter(system_a=a, system_b=b)):
            make_judgment(task, bob, verdict="ab"[number % 2])
            make_judgment(task, carol, verdict="a")
    report = build_report(study)
    assert report["groups"] == [[first.slug, second.slug], [third.slug, fourth.slug]]
    assert "2 groups that were never compared" in report["warnings"][0]
    assert "no single order" in report["headline"]
    assert [row["rank"] for row in report["standings"]] == [1, 2, 1, 2]


def test_a_system_that_never_lost_is_flagged():
    study = launch_study(make_study(prompts=4))
    for name in ("bob", "carol"):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            make_judgment(task, rater, verdict="a")
    report = build_report(study)
    assert "no finite estimate exists" in report["warnings"][0]


def test_mos_has_means_intervals_and_distributions():
    report = build_report(judged(protocol="mos"))
    for row in report["standings"]:
        assert row["mos_low"] < row["mos"] < row["mos_high"]
        assert sum(row["distribution"]) == row["judgments"] == 24
    assert report["agreement"]["metric"] == "ordinal"
    assert "| Rank |" in FORMATS["md"].render(report)


def test_names_cannot_break_out_of_markdown_or_csv():
    study = judged()
    first = study.systems.first()
    evil = "=cmd|' /C calc'!A0 <script> | *bold*"
    System.objects.filter(pk=first.pk).update(name=evil)
    report = build_report(study)
    markdown = FORMATS["md"].render(report)
    assert "<script>" not in markdown
    assert "\\| \\*bold\\*" in markdown
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].render(report))))
    assert {"'" + evil} < {row["name"] for row in rows}
    assert all(float(row["strength"]) < 9 for row in rows)
    assert json.loads(FORMATS["json"].render(report))["standings"]


def test_the_commands_keep_and_write(tmp_path, capsys):
    study = judged()
    call_command("fit_leaderboard", study.slug)
    assert "from 72 judgments" in capsys.readouterr().out
    kept = study.leaderboards.get()
    assert kept.standings.count() == 3
    make_judgment(study.tasks.first(), make_rater(study, "late"), verdict="b")
    kept.refresh_from_db()
    assert kept.report["counts"]["judgments"] == 72
    file = tmp_path / "report.json"
    call_command("export_report", study.slug, format="json", output=file)
    assert json.loads(file.read_text())["counts"]["judgments"] == 73


@pytest.mark.parametrize("command", ["fit_leaderboard", "export_report"])
def test_an_unknown_study_is_named(command, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command(command, "nothing")
    assert ended.value.code == 2
    assert "unknown study 'nothing'" in capsys.readouterr().err


def test_a_report_counts_in_the_database(django_assert_max_num_queries):
    study = judged()
    with django_assert_max_num_queries(20):
        build_report(study)


def tasted(study: Study, *, raters: int, verdicts: str = "") -> Study:
    """Judgments on every task, from raters who differ a little; sides alternate."""
    rng = random.Random(1)
    for r in range(raters):
        rater = make_rater(study, f"taster {r}")
        for number, task in enumerate(study.tasks.all()):
            verdict = verdicts or rng.choices(["a", "b", "tie", "both_bad"], [5, 3, 1, 1])[0]
            make_judgment(task, rater, verdict=verdict, left="ab"[(number + r) % 2])
    return study


def test_every_standing_has_what_the_page_shows():
    report = build_report(tasted(launch_study(make_study(systems=3, prompts=5)), raters=6))
    for row in report["standings"]:
        assert 0 <= row["best"] <= 1
        assert row["acceptability_low"] < row["acceptability"] < row["acceptability_high"]
        met = row["judgments"]
        assert row["acceptability"] == pytest.approx(1 - row["both_bad"] / met)
        assert row["system"] not in row["tied_with"]
        assert row["rank_low_without_a_rater"] <= row["rank"] <= row["rank_high_without_a_rater"]
    assert sum(row["best"] for row in report["standings"]) == pytest.approx(1)
    assert report["other_ties"]["ties"] == "davidson"
    assert report["second_opinion"]["low"].keys() == {r["system"] for r in report["standings"]}
    assert {row["rater"] for row in report["raters"]} == {f"taster {r}" for r in range(6)}
    assert sum(row["influence"] for row in report["raters"]) == pytest.approx(1)
    titles = [row["title"] for row in report["checks"]]
    assert titles[:3] == ["One rater", "Few judgments", "Sides"]
    for pair in report["pairs"]:
        assert pair["residual"] == pytest.approx(pair["observed_a"] - pair["p_a"])


def test_davidson_can_be_the_model():
    study = tasted(launch_study(make_study(systems=3, prompts=5)), raters=5)
    half, davidson = build_report(study), build_report(study, Options(ties="davidson"))
    assert davidson["method"]["ties"] == "davidson"
    assert davidson["other_ties"]["ties"] == "half"
    for one, two in zip(
        sorted(half["standings"], key=lambda r: r["system"]),
        sorted(davidson["standings"], key=lambda r: r["system"]),
        strict=True,
    ):
        assert half["other_ties"]["win_rates"][one["system"]] == pytest.approx(two["win_rate"])


def test_a_cap_weighs_the_busiest_rater_down_and_is_stated():
    study = tasted(launch_study(make_study(systems=3, prompts=8)), raters=1, verdicts="a")
    tasks = list(study.tasks.all())
    for number in range(6):
        rater = make_rater(study, f"other {number}")
        for task in tasks[4 * number : 4 * number + 4]:
            make_judgment(task, rater, verdict="b")
    free, capped = build_report(study), build_report(study, Options(cap=0.2))
    assert "No rater has more than 20% of the weight" in capped["method_in_words"]
    assert max(row["weight"] for row in capped["raters"]) == pytest.approx(0.2)
    assert max(row["weight"] for row in free["raters"]) == pytest.approx(0.5)
    # Every judgment is still counted in the tallies.
    assert capped["counts"] == free["counts"]
    assert {r["system"]: r["wins"] for r in free["standings"]} == {
        r["system"]: r["wins"] for r in capped["standings"]
    }
    best = {r["system"]: r["win_rate"] for r in free["standings"]}
    first = max(best, key=lambda s: best[s])
    assert {r["system"]: r["win_rate"] for r in capped["standings"]}[first] < best[first]


def test_parts_of_a_study_are_fitted_by_themselves():
    study = launch_study(make_study(systems=2, prompts=8))
    for number, prompt in enumerate(study.prompt_set.prompts.all()):
        type(prompt).objects.filter(pk=prompt.pk).update(category=("maths", "prose")[number % 2])
    for r in range(6):
        rater = make_rater(study, f"rater {r}", group="experts" if r < 3 else "crowd")
        for task in study.tasks.select_related("prompt"):
            won = "a" if task.prompt.category == "maths" else "b"
            make_judgment(task, rater, verdict=won if task.prompt_id % 5 else "tie")
    report = build_report(study)
    parts = {(row["by"], row["value"]): row for row in report["slices"]}
    assert set(parts) == {
        ("category", "maths"), ("category", "prose"), ("group", "crowd"), ("group", "experts"),
    }  # fmt: skip
    first = study.systems.order_by("study_systems__position")[0].slug
    rates = {
        value: next(r["win_rate"] for r in parts["category", value]["standings"]
                    if r["system"] == first)
        for value in ("maths", "prose")
    }  # fmt: skip
    assert rates["maths"] > 0.8 > 0.2 > rates["prose"]
    assert sum(parts["group", g]["judgments"] for g in ("crowd", "experts")) == 48
    alone = build_report(study, Options(part=Slice(category="maths")))
    assert alone["counts"]["judgments"] == parts["category", "maths"]["judgments"]
    assert alone["slices"] == []


def test_a_part_with_few_judgments_is_named_and_not_fitted():
    study = tasted(launch_study(make_study(systems=2, prompts=4)), raters=2)
    for number, prompt in enumerate(study.prompt_set.prompts.all()):
        type(prompt).objects.filter(pk=prompt.pk).update(category=f"c{number}")
    parts = build_report(study)["slices"]
    assert [(row["judgments"], row["standings"]) for row in parts] == [(2, [])] * 4


def test_the_funnel_accounts_for_every_judgment():
    study = judged(raters=4)
    first, second, third, _ = study.raters.all()
    exclude(rater=first, rule="too quick", reason="one second each")
    one = study.judgments.filter(rater=second).first()
    exclude(rater=second, judgment=one, rule="attention", reason="wrong on the check")
    exclude(rater=first, judgment=study.judgments.filter(rater=first).first(), rule="attention",
            reason="wrong on the check")  # fmt: skip
    old = study.judgments.filter(rater=third).first()
    make_judgment(old.task, third, verdict="tie", supersedes=old)
    steps = build_report(study)["funnel"]
    assert [(row["step"], row["raters"], row["judgments"]) for row in steps] == [
        ("invited or imported", 4, None),
        ("judged", 4, 73),
        ("left out: corrected by the rater since", None, 1),
        ("left out: too quick", 1, 18),
        ("left out: attention", None, 1),
        ("in this report", 3, 53),
    ]
    gone = sum(row["judgments"] for row in steps if row["is_left_out"])
    assert steps[1]["judgments"] - gone == steps[-1]["judgments"]


def test_length_and_style_are_adjusted_for_on_request():
    study = launch_study(make_study(systems=3, prompts=10))
    rng = random.Random(3)
    for output in Output.objects.all():
        text = "word " * rng.randint(20, 200) + "\n\n- point" * rng.randint(0, 5)
        Output.objects.filter(pk=output.pk)._raw_delete("default")
        Output.objects.create(
            pk=output.pk, system=output.system, prompt=output.prompt, text=text,
            state=output.state, queue_position=0,
        )  # fmt: skip
    for r in range(20):
        rater = make_rater(study, f"rater {r}")
        for task in study.tasks.select_related("output_a", "output_b"):
            longer = len(task.output_a.text) > len(task.output_b.text)
            prefers = longer if rng.random() < 0.75 else not longer
            make_judgment(task, rater, verdict="a" if prefers else "b", left=rng.choice("ab"))
    assert build_report(study)["adjusted"] is None
    found = build_report(study, Options(adjust=True))["adjusted"]
    effects = {row["name"]: row for row in found["effects"]}
    assert effects["length"]["low"] > 0
    assert "list entries" in effects
    assert "headers" not in effects  # nothing has any
    for row in found["win_rates"]:
        assert row["low"] < row["adjusted"] < row["high"]
    spread = max(r["raw"] for r in found["win_rates"]) - min(r["raw"] for r in found["win_rates"])
    adjusted = [r["adjusted"] for r in found["win_rates"]]
    assert max(adjusted) - min(adjusted) < spread


def test_without_outputs_nothing_is_adjusted():
    study = judged()
    Task.objects.all().update(output_a=None, output_b=None)
    Output.objects.all()._raw_delete("default")
    assert build_report(study, Options(adjust=True))["adjusted"] is None


def test_style_features_are_counted():
    text = "# Title\n\nSome **bold** words\n\n- one\n2. two\n\n```\ncode\n```\n"
    assert style_features(text) == [12, 1, 2, 1, 1]


@pytest.mark.parametrize("verdict", ["tie", "both_bad"])
def test_nothing_but_ties_decides_nothing(verdict):
    report = build_report(tasted(launch_study(make_study(systems=3, prompts=4)), raters=3,
                                 verdicts=verdict))  # fmt: skip
    assert {row["win_rate"] for row in report["standings"]} == {0.5}
    assert {(row["rank_low"], row["rank_high"]) for row in report["standings"]} == {(1, 3)}
    assert any("nothing tells the systems apart" in w for w in report["warnings"])
    assert "not decided" in report["headline"]
    assert report["other_ties"] is None
    acceptable = {row["acceptability"] for row in report["standings"]}
    assert acceptable == ({1.0} if verdict == "tie" else {0.0})
    for form in FORMATS.values():
        text = form.render(report)
        assert "NaN" not in text
        assert "nan" not in text.lower().replace("unanimous", "")


def test_a_system_that_always_wins_has_a_one_sided_bound():
    study = launch_study(make_study(systems=2, prompts=5))
    for name in ("bob", "carol", "dan"):
        rater = make_rater(study, name)
        for task in study.tasks.all():
            make_judgment(task, rater, verdict="a")
    winner, loser = build_report(study)["standings"]
    assert (winner["bound"], loser["bound"]) == ("lower", "upper")
    assert winner["win_rate_high"] == 1.0
    # Three raters who agree: 0.05 ** (1 / 3) at best, whatever they judged.
    assert winner["win_rate_low"] <= 0.05 ** (1 / 3) + 1e-3
    assert loser["win_rate_low"] == 0.0


def test_another_group_leaves_every_contrast_as_it_is():
    """Two systems that never met the others change nothing in the others' table."""
    study = launch_study(make_study(systems=5, prompts=6))
    systems = list(study.systems.order_by("study_systems__position"))
    rng = random.Random(2)
    raters = [make_rater(study, f"rater {r}") for r in range(5)]

    def judge(first: int, last: int) -> None:
        for task in study.tasks.filter(
            system_a__in=systems[first:last], system_b__in=systems[first:last]
        ):
            for rater in raters:
                make_judgment(task, rater, verdict=rng.choice(["a", "b", "tie"]))

    judge(0, 3)
    before = build_report(study)["standings"]
    judge(3, 5)
    after = [row for row in build_report(study)["standings"] if row["group"] == 0]
    for one, two in zip(before, after, strict=True):
        assert one.pop("tied_with") == two.pop("tied_with")
        assert one == pytest.approx(two, abs=1e-12)


def test_one_import_or_two_is_the_same_report(tmp_path):
    """Split anywhere, imported in any order."""
    lines = ["prompt_id,system_a,system_b,verdict,rater"]
    rng = random.Random(4)
    for number in range(60):
        a, b = rng.sample(["x", "y", "z"], 2)
        lines.append(f"p{number % 7},{a},{b},{rng.choice(['a', 'b', 'tie'])},r{number % 6}")
    make_user("alice", is_superuser=True)
    whole, first, second = (tmp_path / f"{name}.csv" for name in ("whole", "first", "second"))
    whole.write_text("\n".join(lines))
    first.write_text("\n".join([lines[0], *lines[35:]]))
    second.write_text("\n".join(lines[:35]))
    call_command("import_judgments", str(whole), study="whole", create=True)
    call_command("import_judgments", str(first), study="parts", create=True)
    call_command("import_judgments", str(second), study="parts", create=True)
    one, two = (build_report(Study.objects.get(slug=slug)) for slug in ("whole", "parts"))
    rows = [
        {row["name"]: (row["strength"], row["win_rate_low"], row["wins"]) for row in r["standings"]}
        for r in (one, two)
    ]
    assert rows[0].keys() == rows[1].keys()
    for name, values in rows[0].items():
        assert values == pytest.approx(rows[1][name], abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--cap", "3"], "'3' is no share; expected a number above 0, at most 1"),
        (["--since", "soon"], "'soon' is no day; expected YYYY-MM-DD"),
        (["--ties", "elo"], "invalid choice: 'elo'"),
    ],
)
def test_bad_arguments_of_the_commands_are_refused(arguments, says):
    with pytest.raises(CommandError, match=re.escape(says)):
        call_command("export_report", "any", *arguments)


# Adaptive pairs


def adaptively_judged() -> Study:
    """Two rounds; in the pairs of the first system nobody doubts, in the others everybody."""
    draft = make_study(
        systems=4, prompts=12, judgments_per_task=3, pairing="adaptive", task_budget=44
    )
    study = launch_study(draft)
    raters = [make_rater(study, f"rater {r}") for r in range(3)]
    first = study.systems.order_by("study_systems__position").first()
    rng = random.Random(3)
    for turn in (1, 2):
        for task in study.tasks.filter(round=turn):
            for rater in raters:
                verdict = "a" if task.system_a == first else rng.choice("ab")
                verdict = rng.choice("ab") if rng.random() < 0.1 else verdict
                make_judgment(task, rater, verdict=verdict)
        if turn == 1:
            ask_next_pairs(study)
    study.refresh_from_db()
    return study


def test_judgments_of_an_adaptive_study_weigh_by_the_inverse_of_their_chances():
    study = adaptively_judged()
    report = build_report(study)
    weights = report["method"]["weights"]
    assert weights["lowest"] < 1 < weights["highest"]
    assert 0.5 < weights["effective"] < 1
    assert "inverse probability" in report["method_in_words"]
    assert report["fewest_to_change_the_top"] is None
    assert report["counts"]["judgments"] == 120
    assert sum(pair["judgments"] for pair in report["pairs"]) == 120
    json.dumps(report, allow_nan=False)


def test_the_weighted_fit_is_the_one_by_hand():
    study = adaptively_judged()
    tasks = list(study.tasks.order_by("pk"))
    turn, chance = (np.array([getattr(t, f) for t in tasks]) for f in ("round", "chance"))
    weight = dict(
        zip(
            [task.pk for task in tasks],
            inverse_chance_weights(turn, chance, pool=6 * 12),
            strict=True,
        )
    )
    place = {pk: i for i, pk in enumerate(study.study_systems.values_list("system", flat=True))}
    wins = np.zeros((4, 4))
    for judgment in study.judgments.select_related("task"):
        a, b = place[judgment.task.system_a_id], place[judgment.task.system_b_id]
        i, j = (a, b) if judgment.verdict == "a" else (b, a)
        wins[i, j] += weight[judgment.task_id]
    by_hand = fit_bradley_terry(wins * 120 / wins.sum()).strengths
    shown = {row["system"]: row["strength"] for row in build_report(study)["standings"]}
    found = [shown[slug] for slug in study.study_systems.values_list("system__slug", flat=True)]
    assert found == pytest.approx(by_hand.tolist(), abs=1e-7)


def test_a_part_and_a_capped_fit_of_an_adaptive_study_are_weighed_too():
    study = adaptively_judged()
    half = build_report(study, Options(cap=0.34))
    assert half["method"]["weights"]["highest"] > 1
    for prompt in study.prompt_set.prompts.all():
        prompt.category = "odd" if prompt.position % 2 else "even"
        prompt.save()
    part = build_report(study, Options(part=Slice(category="odd")))
    assert part["method"]["weights"]["lowest"] < 1
    assert part["counts"]["judgments"] < 120


def test_a_full_study_has_no_weights():
    report = build_report(judged())
    assert report["method"]["weights"] is None
    assert "inverse probability" not in report["method_in_words"]


def test_the_page_of_an_adaptive_study_says_so_before_and_after_a_judgment():
    study = launch_study(make_study(systems=3, pairing="adaptive", task_budget=4, prompts=3))
    assert build_report(study)["method"]["weights"] is None
    make_judgment(study.tasks.first(), make_rater(study))
    assert build_report(study)["method"]["weights"]["effective"] == pytest.approx(1)
