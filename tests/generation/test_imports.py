"""Prompts and outputs from files: all or nothing, and a refusal that says where."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from generation.models import Output, Prompt, PromptSet, System
from tests.factories import make_prompt_set, make_system, make_user

pytestmark = pytest.mark.django_db


def refused(capsys, *command, **options) -> str:
    before = [model.objects.count() for model in (System, PromptSet, Prompt, Output)]
    with pytest.raises(SystemExit) as ended:
        call_command(*command, **options)
    assert ended.value.code == 2
    assert [model.objects.count() for model in (System, PromptSet, Prompt, Output)] == before
    [line] = capsys.readouterr().err.strip().splitlines()
    return str(line)


def test_prompts_come_from_csv_and_json_lines(tmp_path):
    csv = tmp_path / "p.csv"
    csv.write_text('\ufeffid,prompt,category\n1,"two\nlines, and a comma",x\n2,plain,\n')
    call_command("import_prompts", csv, prompt_set="one", verbosity=0)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    turns.append({"role": "user", "content": "Bye"})
    jsonl = tmp_path / "p.jsonl"
    jsonl.write_text(json.dumps({"id": "a", "prompt": "Bye", "messages": turns}) + "\n")
    call_command("import_prompts", jsonl, prompt_set="two", verbosity=0)
    one, two = PromptSet.objects.order_by("pk")
    assert [p.text for p in one.prompts.all()] == ["two\nlines, and a comma", "plain"]
    assert two.prompts.get().messages == turns
    assert one.owner.username == "researcher"
    assert not one.owner.has_usable_password()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("id,text\n1,x\n", "p.csv:2: column prompt is missing"),
        ("id,prompt\n1,x\n1,y\n", "p.csv:3: id '1' stands in line 2 already"),
        ("id,prompt\n1,\n", "p.csv:2: prompt is empty"),
        ("id,prompt,media\n1,x,a.wav\n", "p.csv:2: media 'a.wav' is not there"),
        ("id,prompt,messages\n1,x,[]]\n", "p.csv:2: messages is not JSON"),
        ('id,prompt,messages\n1,x,"[{""role"": ""robot""}]"\n', "messages are not chat turns"),
        ("id,prompt,nonsense\n1,x,y\n", "unknown column 'nonsense'"),
        ("", "the file holds no rows"),
    ],
)
def test_a_bad_prompt_file_is_refused(capsys, tmp_path, lines, words):
    file = tmp_path / "p.csv"
    file.write_text(lines)
    assert words in refused(capsys, "import_prompts", file, prompt_set="new")


def test_a_prompt_set_is_frozen(capsys, tmp_path):
    make_prompt_set(slug="taken")
    file = tmp_path / "p.csv"
    file.write_text("id,prompt\n1,x\n")
    line = refused(capsys, "import_prompts", file, prompt_set="taken")
    assert "the prompt set 'taken' exists already" in line
    assert "is not a slug" in refused(capsys, "import_prompts", file, prompt_set="No Slug")


def test_outputs_are_stored_by_name_or_slug(tmp_path):
    make_prompt_set(slug="two")
    make_system(name="First one", slug="first")
    file = tmp_path / "o.jsonl"
    rows = [
        {"prompt_id": "p1", "system": "First one", "output": "**yes**"},
        {"prompt_id": "p1", "system": "first", "output": "again", "sample": 1},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    call_command("import_outputs", file, prompt_set="two", verbosity=0)
    first = Output.objects.get(sample=0)
    assert (first.state, "<strong>" in first.html, len(first.text_hash)) == ("done", True, 64)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt_id": "p9"}, "o.jsonl:2: unknown prompt_id 'p9'"),
        ({"system": "nobody"}, "o.jsonl:2: unknown system 'nobody'"),
        ({"system": "twin"}, "o.jsonl:2: unknown system 'twin'"),
        ({"output": 7.5, "prompt_id": "p1"}, "stand in line 1 already"),
        ({"output": None}, "output is empty"),
        ({"sample": 1.5}, "sample is 1.5; expected a whole number"),
        ({"sample": -1}, "sample is -1"),
    ],
)
def test_a_bad_output_file_is_refused(capsys, tmp_path, row, words):
    make_prompt_set(slug="two")
    make_system(slug="first")
    make_system(name="twin", slug="twin-1")
    make_system(name="twin", slug="twin-2")
    good = {"prompt_id": "p1", "system": "first", "output": "x"}
    file = tmp_path / "o.jsonl"
    second = {**good, "prompt_id": "p2", **row}
    file.write_text(json.dumps(good) + "\n" + json.dumps(second) + "\n")
    assert words in refused(capsys, "import_outputs", file, prompt_set="two")


def test_somebody_elses_system_is_unknown(capsys, tmp_path):
    make_prompt_set(slug="two")
    make_system(slug="theirs", owner=make_user("charlie"))
    file = tmp_path / "o.jsonl"
    file.write_text(json.dumps({"prompt_id": "p1", "system": "theirs", "output": "x"}) + "\n")
    assert "unknown system 'theirs'" in refused(capsys, "import_outputs", file, prompt_set="two")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"temperature": -1}', "temperature is -1; expected a number from 0"),
        ('{"temperature": true}', "temperature is True"),
        ('{"warmth": 1}', "unknown setting 'warmth'"),
        ('{"top_p": 0}', "top_p is 0"),
        ('{"max_new_tokens": 1.5}', "max_new_tokens is 1.5"),
        ('{"stop": "end"}', "stop is 'end'"),
        ("[]", "--generation is not a JSON object"),
    ],
)
def test_bad_settings_are_refused(capsys, settings, words):
    line = refused(capsys, "create_system", "x", "--backend", "fake", "--generation", settings)
    assert words in line


def test_queueing_twice_queues_nothing(capsys):
    make_system(slug="fake", backend=System.Backend.FAKE)
    make_prompt_set(slug="two")
    call_command("queue_generation", system="fake", prompt_set="two", verbosity=0)
    capsys.readouterr()
    line = refused(capsys, "queue_generation", system="fake", prompt_set="two")
    assert "is there or queued already" in line
