"""The options of a protocol: in the form, in a study's file, in the API."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.models import Study
from tests.factories import make_outputs, make_prompt_set, make_system
from tests.pages.people import errors, signed_in
from tests.pages.test_studies import NEW, filled, size

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("protocol", "fields", "options"),
    [
        ("pairwise", {}, {"strength": False, "criteria": [], "reason": "off"}),
        (
            "pairwise",
            {"pairwise_strength": "on", "pairwise_reason": "required", "best_worst_size": "9"},
            {"strength": True, "criteria": [], "reason": "required"},
        ),
        (
            "pairwise",
            {"pairwise_criteria": "Which is clearer?\n\n  Which is true? "},
            {
                "strength": False,
                "reason": "off",
                "criteria": [
                    {"key": "which_is_clearer", "label": "Which is clearer?"},
                    {"key": "which_is_true", "label": "Which is true?"},
                ],
            },
        ),
        ("ccr", {"ccr_null_share": "0.1"}, {"null_share": 0.1}),
        ("best_worst", {"best_worst_size": ""}, {"size": 4}),
        ("best_worst", {"best_worst_size": "3"}, {"size": 3}),
        (
            "mushra",
            {"mushra_reference": "on"},
            {"reference": True, "anchors": [], "sound": False},
        ),
        ("mushra", {}, {"reference": False, "anchors": [], "sound": False}),
        (
            "likert",
            {"likert_criteria": "How clear is it? Not at all | Very\nThe tone: cold | warm"},
            {
                "criteria": [
                    {
                        "key": "how_clear_is_it",
                        "label": "How clear is it?",
                        "words": ["Not at all", "Very"],
                    },
                    {"key": "the_tone", "label": "The tone", "words": ["cold", "warm"]},
                ]
            },
        ),
    ],
)
def test_the_form_stores_the_options_of_the_chosen_protocol_only(protocol, fields, options):
    answer = signed_in().post(NEW, filled(protocol=protocol, **fields))
    assert answer.status_code == 302
    assert Study.objects.get().options == options


@pytest.mark.parametrize(
    ("protocol", "fields", "field"),
    [
        ("likert", {}, "likert_criteria"),
        ("likert", {"likert_criteria": "no question | words"}, "likert_criteria"),
        ("ccr", {"ccr_null_share": "0.9"}, "ccr_null_share"),
        ("best_worst", {"best_worst_size": "six"}, "best_worst_size"),
        ("pairwise", {"pairwise_strength": "on", "pairwise_criteria": "x"}, "__all__"),
        ("pairwise", {"pairwise_reason": "maybe"}, "pairwise_reason"),
    ],
)
def test_an_option_that_is_wrong_is_told_beside_it(protocol, fields, field):
    page = signed_in().post(NEW, filled(protocol=protocol, **fields))
    assert list(errors(page)) == [field]
    assert not Study.objects.exists()


@pytest.mark.parametrize(
    ("extra", "tasks"),
    [
        ({"protocol": "ccr", "ccr_null_share": "0.1"}, 33),
        ({"protocol": "best_worst"}, 10),
        ({"protocol": "mushra"}, 10),
        ({"protocol": "likert"}, 0),
        ({"protocol": "likert", "likert_criteria": "x"}, 30),
        ({"protocol": "dcr"}, 30),
    ],
)
def test_the_size_knows_the_options(extra, tasks):
    assert size(**extra)["tasks"] == tasks


def file_of(tmp_path, options: str, protocol: str = "likert"):
    prompt_set = make_prompt_set()
    systems = [make_system() for _ in range(3)]
    make_outputs(prompt_set, systems)
    slugs = json.dumps([system.slug for system in systems])
    file = tmp_path / "study.toml"
    file.write_text(
        f'name = "S"\nprotocol = "{protocol}"\nprompt_set = "{prompt_set.slug}"\n'
        f"systems = {slugs}\n{options}\n"
    )
    return file


def test_a_studys_file_has_a_table_of_options(tmp_path):
    file = file_of(
        tmp_path,
        '[[options.criteria]]\nkey = "clear"\nlabel = "Clear?"\nwords = ["no", "", "yes"]\n',
    )
    call_command("create_study", file, launch=True, verbosity=0)
    study = Study.objects.get()
    assert study.plan["options"]["criteria"][0]["words"] == ["no", "", "yes"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("", "option criteria is missing"),
        ("options = 3", "options is 3; expected a table"),
        (
            "[options]\nsurprise = 1\ncriteria = ['x']",
            "unknown option 'surprise'; expected criteria",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, capsys, options, words):
    with pytest.raises(SystemExit) as ended:
        call_command("create_study", file_of(tmp_path, options))
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
    assert not Study.objects.exists()


def test_without_scripts_all_options_are_there_each_under_its_protocol():
    text = signed_in().get(NEW).content.decode()
    for words in ("Options of Pairwise", "Options of MUSHRA", "Options of Best-worst"):
        assert words in text
    assert Client().get(NEW).status_code == 302
