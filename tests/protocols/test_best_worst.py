"""Best-worst: two of three to five, by place; more systems than that come in groups."""

from __future__ import annotations

import pytest

from annotation.exceptions import StudyNotReady
from annotation.launch import launch_study
from annotation.models import TaskOutput
from annotation.protocols import PROTOCOLS
from evalsite.lib.exceptions import InputRefused
from tests.factories import make_study
from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db


def test_the_best_and_the_worst_are_stored_by_place_and_with_the_order():
    bob = Rating(launched("best_worst"))
    shown = [output.html for output in bob.task.outputs]
    order = bob.slot.order
    task = bob.slot.task
    bob.send(best="0", worst="3")
    answer = bob.study.judgments.get().answer
    assert answer == {"best": order[0], "worst": order[3], "order": order}
    places = {place.place: place.output.html for place in task.outputs.all()}
    assert (places[answer["best"]], places[answer["worst"]]) == (shown[0], shown[3])


def test_one_cannot_be_both():
    bob = Rating(launched("best_worst"))
    bob.send(best="1", worst="1")
    assert "must be two different answers" in bob.text
    assert [part.value for part in bob.page.context["task"].parts] == ["1", "1"]
    assert not bob.study.judgments.exists()


@pytest.mark.parametrize("place", ["4", "-1", "x"])
def test_a_place_that_is_not_shown_is_refused(place):
    assert Rating(launched("best_worst")).send(best=place, worst="0").page.status_code == 409


def test_seven_systems_come_in_groups_of_three_on_every_prompt():
    study = launched("best_worst", systems=7, prompts=3, options={"size": 3})
    assert study.task_count == 9
    for prompt in study.prompt_set.prompts.all():
        tasks = study.tasks.filter(prompt=prompt)
        assert sorted(tasks.values_list("group", flat=True)) == [0, 1, 2]
        places = TaskOutput.objects.filter(task__in=tasks)
        assert set(places.values_list("system", flat=True)) == set(
            study.systems.values_list("pk", flat=True)
        )
        for task in tasks:
            systems = [place.system_id for place in task.outputs.order_by("place")]
            assert systems[0] == task.system_a_id
            assert task.system_b_id is None
            in_study = study.study_systems.filter(system__in=systems).order_by("position")
            assert systems == list(in_study.values_list("system", flat=True))


def test_the_same_seed_makes_the_same_groups_and_orders():
    def design(study):
        places = TaskOutput.objects.filter(task__study=study).order_by("task", "place")
        numbers = {s.system_id: s.position for s in study.study_systems.all()}
        return (
            [numbers[system] for system in places.values_list("system", flat=True)],
            list(study.assignments.order_by("position").values_list("order", flat=True)),
        )

    one, same, other = (
        launched("best_worst", systems=7, prompts=3, seed=seed) for seed in (1, 1, 2)
    )
    assert design(one) == design(same) != design(other)


def test_a_skipped_group_comes_back_in_the_same_order():
    study = launched("best_worst", prompts=1, judgments_per_task=1)
    bob = Rating(study)
    order = bob.slot.order
    bob.client.post(f"/rate/{study.public_id}/skip/", {"token": bob.token()})
    assert study.assignments.get(state="open").order == order


def test_two_systems_are_too_few():
    with pytest.raises(StudyNotReady, match="at least 3 systems"):
        launch_study(make_study(protocol="best_worst", systems=2))


@pytest.mark.parametrize("size", [2, 6, True, "4", 3.0])
def test_a_screen_has_three_to_five(size):
    with pytest.raises(InputRefused, match="a whole number from 3 to 5"):
        PROTOCOLS["best_worst"].parse({"size": size})
