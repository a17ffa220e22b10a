"""MUSHRA: sliders by place, a hidden reference, twelve signals at most."""

from __future__ import annotations

import pytest

from annotation.exceptions import StudyNotReady
from annotation.launch import launch_study
from annotation.models import TaskOutput
from generation.models import Prompt
from tests.factories import make_study
from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db


def test_scores_are_stored_by_place_whatever_the_order_on_the_screen():
    bob = Rating(launched("mushra"))
    order, task = bob.slot.order, bob.slot.task
    assert sorted(order) == [0, 1, 2, 3]
    bob.send(score_0="0", score_1="100", score_2="41", score_3="7")
    answer = bob.study.judgments.get().answer
    on_screen = [0, 100, 41, 7]
    assert answer["order"] == order
    assert [answer["scores"][place] for place in order] == on_screen
    assert task.outputs.get(place=3).role == TaskOutput.Role.REFERENCE


def test_the_reference_is_shown_openly_and_hides_among_the_answers_like_any_other():
    study = launched("mushra")
    text = "A **reference** with `code`."
    Prompt.objects.update(reference=text)
    bob = Rating(study)
    hidden = bob.task.outputs[bob.slot.order.index(3)]
    assert hidden.html == bob.task.reference
    assert bob.text.count("A <strong>reference</strong> with") == 2
    assert bob.text.count("<article") == 5
    assert [output.label for output in bob.task.outputs] == [f"Answer {x}" for x in "ABCD"]


def test_without_a_reference_there_is_none():
    bob = Rating(launched("no_reference"))
    assert bob.task.reference is None
    assert "The reference of" not in bob.text
    assert len(bob.task.outputs) == 3
    assert not TaskOutput.objects.filter(role="reference").exists()


@pytest.mark.parametrize("score", ["101", "-1", "50.5", "1e1", "٤", "9" * 400])
def test_a_score_off_the_scale_is_refused(score):
    bob = Rating(launched("no_reference"))
    assert bob.send(score_0=score, score_1="1", score_2="1").page.status_code == 409
    assert not bob.study.judgments.exists()


def test_a_slider_that_was_not_moved_is_asked_for_and_the_others_stay():
    bob = Rating(launched("no_reference"))
    bob.send(score_0="30", score_2="80")
    assert "One answer is missing: Answer B" in bob.text
    values = [output.part.value for output in bob.page.context["task"].outputs]
    assert values == ["30", "", "80"]


def test_twelve_signals_are_the_most_the_reference_among_them():
    refused = make_study(protocol="mushra", systems=12, prompts=1)
    Prompt.objects.update(reference="x")
    with pytest.raises(StudyNotReady, match="at most 11 systems"):
        launch_study(refused)
    assert launched("mushra", systems=11, prompts=1).task_count == 1
    assert launched("no_reference", systems=12, prompts=1).task_count == 1
