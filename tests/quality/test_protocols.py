"""Every protocol is measured: what was said and what was pressed, with what the protocol has."""

from __future__ import annotations

import numpy as np
import pytest

from annotation.launch import launch_study
from annotation.models import Rater, Study
from annotation.quality.applying import preview_rules
from annotation.quality.assessment import assess, study_columns
from annotation.quality.coding import code_answers, code_scores
from annotation.quality.declaring import declare_rules
from annotation.quality.reading import offers
from annotation.quality.rule_files import read_rules
from annotation.quality.rule_sets import basic
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_judgment, make_rater, make_study
from tests.pages.people import signed_in
from tests.protocols.rating import KINDS, Rating, launched, some_answer

pytestmark = pytest.mark.django_db


def judge_everything(study: Study, name: str) -> Rater:
    bob = Rating(study, name)
    shift = 0
    while bob.rater.assignments.filter(state="claimed").exists():
        bob.send(**some_answer(bob.parts, shift))
        shift += 1
    return bob.rater


@pytest.mark.parametrize("kind", KINDS)
def test_every_protocol_has_its_quality_pages_and_the_basic_rules(kind):
    study = launched(kind, slug="one")
    rater = judge_everything(study, "bob")
    judge_everything(study, "charlie")
    declare_rules(study, basic(offers(study)), reason="seen")
    alice = signed_in()
    for path in ("quality/", "rules/apply/", f"raters/{rater.pk}/"):
        assert alice.get(f"/studies/one/{path}").status_code == 200, path
    columns = study_columns(study).columns
    assert (columns.answer >= 0).all()
    assert (columns.pressed >= 0).all()
    assert (columns.characters > 0).all()
    known = {name for name, m in assess(study).measured.items() if not np.isnan(m.value).all()}
    assert {"pace", "quick", "run", "same"} <= known


def test_the_same_button_of_ccr_is_the_same_whichever_came_first():
    study = launch_study(make_study(protocol="ccr", prompts=6))
    bob = make_rater(study)
    for number, task in enumerate(study.tasks.order_by("pk")):
        # "The second is better by 2" each time, stored as a against b.
        left = "ab"[number % 2]
        make_judgment(task, bob, score=-2 if left == "a" else 2, left=left)
    found = assess(study).measured
    assert found["same"].value.tolist() == [1]
    assert found["run"].value.tolist() == [6]
    assert found["variance"].value.tolist() == [0]
    assert found["side"].value.tolist() == [0]


def test_scores_with_sides_are_turned_to_the_screen():
    coded = code_scores(np.array([-3.0, 3, 0, 2]), np.array([0, 0, 1, -1]), has_sides=True)
    assert coded.answer.tolist() == [0, 6, 3, 5]
    assert coded.pressed.tolist() == [6, 0, 3, -1]
    # Stored: a is worse by 3, and stood first; so the second was chosen.
    assert coded.chose_left.tolist() == [0, 1, -1, -1]


def test_answers_by_place_are_told_apart_from_buttons():
    first, second = (
        {"best": 0, "worst": 2, "order": [0, 1, 2]},
        {"best": 1, "worst": 0, "order": [1, 2, 0]},
    )
    coded = code_answers([first, second, {"best": 0, "worst": 2}], **no_reference(3))
    assert coded.answer.tolist() == [0, 1, 0]
    assert coded.pressed.tolist() == [0, 0, -1]


def no_reference(n: int):
    return {"hidden": 0, "anchors": [None] * n}


def test_likert_answers_are_alike_when_all_criteria_are():
    answers = [{"scores": {"x": 1, "y": 2}}, {"scores": {"y": 2, "x": 1}}, {"scores": {"x": 1}}]
    assert code_answers(answers, **no_reference(3)).pressed.tolist() == [0, 0, 1]


# MUSHRA


def mushra_study(prompts: int = 8) -> Study:
    study = make_study(protocol="mushra", systems=2, prompts=prompts)
    study.prompt_set.prompts.update(reference="The reference.")
    return study


def slide(study: Study, name: str, scores: list[int]) -> None:
    rater = make_rater(study, name)
    for task in study.tasks.all():
        answer = {"scores": scores, "order": [0, 1, 2]}
        make_judgment(task, rater, score=None, answer=answer, seconds=30)


def test_mushra_excludes_who_does_not_hear_the_reference_or_the_anchor():
    study = mushra_study()
    anchor = study.systems.order_by("study_systems__position")[1].slug
    rules = [{"set": "mushra", "anchor": anchor}]
    declare_rules(study, read_rules(rules, file="study.toml", study=study))
    launch_study(study)
    slide(study, "deaf", [50, 20, 60])
    slide(study, "lenient", [90, 99, 100])
    for number in range(4):
        slide(study, f"good {number}", [60, 20, 100])
    found = preview_rules(study)
    names = dict(study.raters.values_list("pk", "name"))
    assert [(row.rule, names[row.rater]) for row in found.new] == [
        ("mushra: reference", "deaf"),
        ("mushra: anchor", "lenient"),
    ]
    assert study.plan["rules"][1]["system"] == anchor


def test_without_an_anchor_the_set_is_about_the_reference_alone():
    study = mushra_study()
    rules = read_rules([{"set": "mushra"}], file="study.toml", study=study)
    assert [rule.name for rule in rules] == ["mushra: reference"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"set": "mushra", "anchor": "nothing"}, "unknown system 'nothing'"),
        ({"set": "mushra", "anchor": 3}, "3 is no slug"),
        ({"set": "basic", "anchor": "system-1"}, "stands with other keys"),
        ({"name": "x", "measure": "anchor_high", "threshold": 0.1}, "rules.system is ''"),
        (
            {"name": "x", "measure": "pace", "threshold": 9, "system": "system-1"},
            "rules.system is 'system-1' with pace",
        ),
        ({"set": "p808"}, "needs scores"),
        ({"name": "x", "measure": "agreement", "threshold": 0.4}, "needs one answer of a few"),
    ],
)
def test_what_does_not_fit_mushra_is_refused(table, said):
    with pytest.raises(InputRefused, match=said):
        read_rules([table], file="study.toml", study=mushra_study())


def test_a_second_mid_anchor_is_refused():
    study = mushra_study()
    slugs = list(study.systems.values_list("slug", flat=True))
    tables = [
        {"name": slug, "measure": "anchor_high", "threshold": 0.15, "system": slug}
        for slug in slugs
    ]
    with pytest.raises(InputRefused, match="2 mid anchors"):
        read_rules(tables, file="study.toml", study=study)


def test_mushra_without_a_reference_has_no_post_screening():
    study = launched("no_reference")
    with pytest.raises(InputRefused, match="needs a hidden reference"):
        read_rules([{"set": "mushra"}], file="study.toml", study=study)


def test_p808_is_for_ccr_and_dcr_as_well():
    for kind in ("dcr", "ccr"):
        study = launched(kind)
        assert len(read_rules([{"set": "p808"}], file="study.toml", study=study)) == 4
