"""Setting a study up: the form, its size as one chooses, the draft and its checks, the launch."""

from __future__ import annotations

import re

import pytest

from annotation.models import Study
from annotation.protocols import PROTOCOLS
from generation.models import Output
from tests.factories import (
    make_output,
    make_outputs,
    make_prompt_set,
    make_study,
    make_system,
    make_user,
)
from tests.pages.people import errors, said, signed_in

pytestmark = pytest.mark.django_db
NEW = "/studies/new/"
HTMX = {"HX-Request": "true"}


def filled(**extra) -> dict[str, object]:
    """Return a form over a prompt set of ten prompts and three systems."""
    prompt_set = make_prompt_set(prompts=10)
    systems = [make_system() for _ in range(3)]
    make_outputs(prompt_set, systems)
    return {
        "name": "Which one",
        "title": "Helpful answers",
        "protocol": "pairwise",
        "prompt_set": prompt_set.pk,
        "systems": [system.pk for system in systems],
        "judgments_per_task": 4,
        "allow_tie": "on",
        "allow_both_bad": "on",
    } | extra


# The form


def test_a_draft_is_made_and_shown():
    alice = signed_in()
    answer = alice.post(NEW, filled(instructions="*Read* both.", tasks_per_rater=20))
    assert answer["Location"] == "/studies/which-one/"
    study = Study.objects.get()
    assert (study.owner.username, study.state) == ("alice", "draft")
    assert (study.judgments_per_task, study.tasks_per_rater) == (4, 20)
    assert study.systems.count() == 3
    page = alice.get(answer["Location"])
    assert page.context["problems"] == []
    assert "Launch the study" in page.content.decode()


@pytest.mark.parametrize("protocol", list(PROTOCOLS))
def test_an_empty_question_is_the_protocols_own(protocol):
    signed_in().post(NEW, filled(protocol=protocol, likert_criteria="It is correct."))
    study = Study.objects.get()
    assert study.question == PROTOCOLS[protocol].question
    assert study.question


def test_unticked_choices_are_not_offered():
    data = filled()
    del data["allow_tie"], data["allow_both_bad"]
    signed_in().post(NEW, data)
    study = Study.objects.get()
    assert (study.allow_tie, study.allow_both_bad) == (False, False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("title", "x" * 101),
        ("protocol", "duel"),
        ("prompt_set", "x"),
        ("prompt_set", "9" * 30),
        ("systems", []),
        ("systems", ["9" * 30]),
        ("question", "x" * 301),
        ("judgments_per_task", 0),
        ("judgments_per_task", 1001),
        ("tasks_per_rater", 0),
        ("tasks_per_rater", 2**31),
        ("instructions", "a\x00b"),
    ],
)
def test_a_field_that_is_wrong_is_told_beside_it(field, value):
    page = signed_in().post(NEW, filled(**{field: value}))
    assert page.status_code == 200
    assert list(errors(page)) == [field]
    assert 'class="errorlist"' in page.content.decode()
    assert not Study.objects.exists()


def test_systems_and_prompts_of_others_are_neither_shown_nor_taken():
    theirs = make_system(owner=make_user("charlie"), name="A secret system")
    their_set = make_prompt_set(owner=make_user("charlie"), name="A secret set")
    alice = signed_in()
    page = alice.get(NEW).content.decode()
    assert "A secret" not in page
    page = alice.post(NEW, filled(systems=[theirs.pk], prompt_set=their_set.pk))
    assert sorted(errors(page)) == ["prompt_set", "systems"]


# Its size


def size(**extra):
    answer = signed_in().post(NEW, filled(**extra), headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert not Study.objects.exists()
    return answer.context["size"]


def test_pairwise_asks_about_each_pair_on_each_prompt():
    assert size() == {"tasks": 30, "judgments": 120, "hours": 1.0, "raters": 4}


def test_mos_asks_about_each_output():
    assert size(protocol="mos") == {"tasks": 30, "judgments": 120, "hours": 1.0, "raters": 4}


def test_a_limit_for_one_rater_needs_more_raters():
    assert size(tasks_per_rater=10)["raters"] == 12


def test_the_size_is_shown_before_there_is_a_name():
    assert size(name="", title="")["judgments"] == 120


@pytest.mark.parametrize(
    "extra",
    [
        {"systems": []},
        {"prompt_set": ""},
        {"judgments_per_task": "x"},
        {"judgments_per_task": "-3"},
        {"tasks_per_rater": "0"},
        {"protocol": "duel"},
    ],
)
def test_a_form_that_is_half_filled_in_has_a_size_too(extra):
    assert size(**extra)["judgments"] >= 0


def test_the_part_asks_for_the_next_size_itself():
    part = signed_in().post(NEW, filled(), headers=HTMX).content.decode()
    assert 'id="study-size"' in part
    assert f'hx-post="{NEW}"' in part


def test_without_scripts_the_size_is_shown_with_the_errors():
    page = signed_in().post(NEW, filled(name="")).content.decode()
    assert "<dd>120</dd>" in re.sub(r"\s+", "", page)


# The draft


def test_the_draft_counts_what_is_odd_about_the_outputs():
    prompt_set = make_prompt_set(prompts=5)
    system = make_system(name="Parrot")
    texts = ["Same.", "Same.", "", "I am ChatGPT, of course.", "As Parrot would say."]
    for prompt, text in zip(prompt_set.prompts.all(), texts, strict=True):
        make_output(
            system=system,
            prompt=prompt,
            text=text,
            finish_reason="length" if text == "Same." else "eos",
        )
    signed_in().post(NEW, filled(prompt_set=prompt_set.pk, systems=[system.pk], protocol="mos"))
    ((facts, naming),) = signed_in().get("/studies/which-one/").context["outputs"]
    assert (facts.done, facts.unfinished, facts.failed) == (5, 0, 0)
    assert (facts.cut, facts.empty, facts.duplicates, facts.refusals) == (2, 1, 1, 0)
    assert facts.lengths == (5, 20, 24)
    assert naming == 2


def test_a_draft_with_missing_and_failed_outputs_cannot_be_launched():
    study = make_study(prompts=3)
    late = make_system(name="Latecomer")
    study.study_systems.create(system=late, position=2)
    failed = study.prompt_set.prompts.first()
    make_output(system=late, prompt=failed, state=Output.State.FAILED)
    alice = signed_in()
    page = alice.get(f"/studies/{study.slug}/")
    text = page.content.decode()
    assert "Latecomer has no output for 2 of 3 prompts." in text
    assert "Latecomer has 1 outputs that failed or were cancelled." in text
    assert "disabled" in text
    answer = alice.post(f"/studies/{study.slug}/launch/", follow=True)
    assert "Latecomer has no output" in said(answer)
    study.refresh_from_db()
    assert (study.state, study.tasks.count()) == ("draft", 0)


def test_one_system_is_no_pair():
    study = make_study(systems=1)
    page = signed_in().get(f"/studies/{study.slug}/")
    assert page.context["problems"] == ["The study needs at least 2 systems."]


def test_a_launch_opens_the_study_and_freezes_it():
    study = make_study()
    alice = signed_in()
    page = alice.post(f"/studies/{study.slug}/launch/", follow=True)
    study.refresh_from_db()
    assert study.state == "open"
    assert study.plan_hash[:16] in page.content.decode()
    assert "launched" in page.content.decode()
    again = alice.post(f"/studies/{study.slug}/launch/")
    assert "launched already" in said(again)
    assert study.events.filter(what="launched").count() == 1


def test_only_a_draft_can_be_deleted():
    alice = signed_in()
    draft, launched = make_study(), make_study()
    alice.post(f"/studies/{launched.slug}/launch/")
    assert alice.post(f"/studies/{draft.slug}/delete/")["Location"] == "/studies/"
    assert "is open, not draft" in said(alice.post(f"/studies/{launched.slug}/delete/"))
    assert list(Study.objects.all()) == [launched]


# Adaptive pairs


def test_adaptive_pairs_are_chosen_with_a_budget():
    alice = signed_in()
    assert size(pairing="adaptive", task_budget=12)["tasks"] == 12
    assert size(pairing="block", task_budget=12)["tasks"] == 12
    answer = alice.post(NEW, filled(pairing="adaptive", task_budget=12))
    study = Study.objects.get()
    assert (study.pairing, study.task_budget) == ("adaptive", 12)
    assert alice.get(answer["Location"]).context["problems"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"pairing": "adaptive"},
        {"pairing": "adaptive", "task_budget": 0},
        {"pairing": "adaptive", "task_budget": 10**9},
        {"task_budget": 12},
        {"pairing": "adaptive", "task_budget": 12, "protocol": "mos"},
    ],
)
def test_a_budget_that_does_not_go_with_the_rest_is_told_beside_it(wrong):
    page = signed_in().post(NEW, filled(**wrong))
    assert list(errors(page)) == ["task_budget"]
    assert not Study.objects.exists()


def test_a_pairing_that_there_is_not_is_told_beside_it():
    assert list(errors(signed_in().post(NEW, filled(pairing="odd")))) == ["pairing"]


def test_the_list_calls_protocols_by_the_names_that_people_know():
    make_study(protocol="best_worst")
    page = signed_in().get("/studies/").content.decode()
    assert "Best-worst" in page
    assert "best_worst" not in page
