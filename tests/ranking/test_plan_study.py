"""`plan_study` says what a study takes, in a table or as JSON."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command


def planned(capsys, **options):
    call_command("plan_study", systems=3, format="json", **options)
    return json.loads(capsys.readouterr().out)


def test_the_table_names_what_it_takes(capsys):
    call_command("plan_study", systems=3, margin=0.1, prompts=100, pay_per_hour=12)
    out = capsys.readouterr().out
    assert "3 systems; win rates 10 points apart" in out
    for name in ("Judgments", "per pair", "Raters", "per task", "Hours", "Cost", "Power"):
        assert f"\n{name}" in out


def test_the_figures_add_up(capsys):
    row = planned(capsys, prompts=100, seconds=20.0, pay_per_hour=12.0, per_rater=40)
    assert row["judgments"] == row["raters"] * 40
    assert row["judgments_per_pair"] == pytest.approx(row["judgments"] / 3)
    assert row["judgments_per_task"] == pytest.approx(row["judgments"] / 300)
    assert row["hours"] == pytest.approx(row["judgments"] * 20 / 3600)
    assert row["cost"] == pytest.approx(12 * row["hours"])
    assert 0.8 <= row["power"] < 0.81
    by_judgment = planned(capsys, prompts=100, pay_per_judgment=0.05)
    assert by_judgment["cost"] == pytest.approx(0.05 * by_judgment["judgments"])


def test_a_budget_says_what_it_finds(capsys):
    row = planned(capsys, judgments=2000, margin=0.1)
    assert row["judgments"] == 2000
    wider = planned(capsys, judgments=2000, margin=row["detectable_margin"] + 1e-5)
    assert wider["power"] == pytest.approx(0.8, abs=1e-3)


def test_the_simulation_can_be_asked_for_and_repeats(capsys):
    one, two, other = (
        planned(capsys, margin=0.2, per_rater=10, simulate=200, seed=seed) for seed in (1, 1, 2)
    )
    assert one == two != other
    assert abs(one["simulated_power"] - one["power"]) < 4 * one["simulated_power_se"]
    assert one["simulated_studies"] == 200


def test_all_pairs_and_any_time_take_more(capsys):
    plain = planned(capsys)["judgments"]
    assert planned(capsys, all_pairs=True)["judgments"] > plain
    assert planned(capsys, at_any_time=True)["judgments"] > plain


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"systems": 1}, "--systems 1: expected 2 to 1,000"),
        ({"margin": 2.0}, "a difference of win rates of 2.0 is not within"),
        ({"margin": float("nan")}, "a difference of win rates of nan"),
        ({"power": 1.0}, "--power 1"),
        ({"level": float("inf")}, "--level inf"),
        ({"ties": 1.0}, "a share of ties of 1.0"),
        ({"prompts": 10}, "a rater meets no task twice"),
        ({"seconds": -1.0}, "--seconds -1"),
        ({"judgments": 60}, "intervals need two raters"),
        ({"rater_correlation": -0.2}, "a correlation of -0.2"),
        ({"simulate": 10**9}, "--simulate"),
    ],
)
def test_bad_numbers_are_refused_in_one_line(capsys, options, says):
    with pytest.raises(SystemExit) as ended:
        call_command("plan_study", **{"systems": 2, **options})
    assert ended.value.code == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert says in found.err
    assert found.err.count("\n") == 1
