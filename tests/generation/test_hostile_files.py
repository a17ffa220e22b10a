"""Files that lie, are broken, or are huge: one line on stderr, exit 2, nothing stored."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from evalsite.lib.exceptions import InputRefused
from evalsite.lib.tabular import MAX_LINE_BYTES, read_stream
from generation.models import Output, Prompt, PromptSet, System
from generation.services import create_prompt_set, create_system
from tests.factories import make_prompt_set, make_system, make_user

GOOD_PROMPT = '{"id": "1", "prompt": "fine"}\n'
GOOD_OUTPUT = '{"prompt_id": "p1", "system": "first", "output": "fine"}\n'


def refused(capsys, *command, **options) -> str:
    before = [model.objects.count() for model in (System, PromptSet, Prompt, Output)]
    with pytest.raises(SystemExit) as ended:
        call_command(*command, **options)
    assert ended.value.code == 2
    assert [model.objects.count() for model in (System, PromptSet, Prompt, Output)] == before
    [line] = capsys.readouterr().err.strip().splitlines()
    return str(line)


#: File name, content after one good line where the format has lines, what the refusal says.
BROKEN = [
    ("f.jsonl", b"", "f.jsonl: the file holds no rows"),
    ("f.csv", b"", "f.csv: the file holds no rows"),
    ("f.txt", b"id,prompt\n1,x\n", "f.txt: unknown kind of file '.txt'"),
    ("f.jsonl", b"GOOD\xff\xfe\n", "f.jsonl:2: byte 1 of the line is not UTF-8"),
    ("f.jsonl", "GOOD".encode("utf-16"), "f.jsonl:1: byte 1 of the line is not UTF-8"),
    ("f.jsonl", b'GOOD{"id": NaN}\n', "f.jsonl:2: not JSON: NaN is not a number"),
    ("f.jsonl", b"GOOD[1]\n", "f.jsonl:2: the line is a list"),
    ("f.jsonl", b'GOOD{"id": "2"', "f.jsonl:2: not JSON"),
    ("f.jsonl", b"GOOD" + b"[" * 100_000, "f.jsonl:2: not JSON: nested too deep"),
    ("f.csv", b"id,id\n1,2\n", "f.csv:1: a column name occurs twice"),
    ("f.csv", b"id,prompt\n1,x,y\n", "f.csv:2: 3 fields; expected 2 fields"),
    ("f.csv", b'id,prompt\n1,"x\n', "not CSV"),
]


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["import_prompts", "import_outputs"])
@pytest.mark.parametrize(("name", "content", "words"), BROKEN)
def test_a_broken_file_is_refused_whole(capsys, tmp_path, command, name, content, words):
    slug = "new"
    if command == "import_outputs":
        slug = make_prompt_set(slug="two").slug
        make_system(slug="first")
    good = GOOD_OUTPUT if command == "import_outputs" else GOOD_PROMPT
    file = tmp_path / name
    file.write_bytes(content.replace(b"GOOD", good.encode()))
    assert words in refused(capsys, command, file, prompt_set=slug)


@pytest.mark.django_db
def test_a_missing_file_and_a_folder_are_refused(capsys, tmp_path):
    missing = refused(capsys, "import_prompts", tmp_path / "no.csv", prompt_set="new")
    assert "no.csv: cannot be read (No such file or directory)" in missing
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert "cannot be read" in refused(capsys, "import_prompts", folder, prompt_set="new")


class EndlessLine(io.RawIOBase):
    """A line of 200 MB that counts how much of it was asked for."""

    size, given = 200_000_000, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        length = min(len(buffer), self.size - self.given)
        buffer[:length] = b"x" * length
        self.given += length
        return length


@pytest.mark.parametrize("name", ["f.csv", "f.jsonl"])
def test_a_line_of_200_megabytes_is_refused_before_it_is_read(name):
    line = EndlessLine()
    with pytest.raises(InputRefused, match=r"f\.\w+:1: the line is too long; expected at most 8"):
        list(read_stream(io.BufferedReader(line), name=name, required=("id",)))
    assert line.given < 2 * MAX_LINE_BYTES


def prompt_line(**values) -> str:
    return json.dumps({"id": "2", "prompt": "x", **values}) + "\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"id": None}, "id is empty"),
        ({"id": "i" * 201}, "id has 201 characters"),
        ({"id": "1"}, "id '1' stands in line 1 already"),
        ({"prompt": " \n"}, "prompt is empty"),
        ({"prompt": ["x"]}, "prompt is a list"),
        ({"prompt": "a\x00b"}, "prompt holds a NUL character"),
        ({"prompt": "a\ud800b"}, "prompt holds half of a surrogate pair"),
        ({"id": 1e400}, "Infinity is not a number in JSON"),
        ({"category": "c" * 101}, "category has 101 characters"),
        ({"category": {}}, "category is an object"),
        ({"messages": "[]"}, "messages are not chat turns"),
        ({"messages": {}}, "messages are not chat turns"),
        ({"messages": [1]}, "messages are not chat turns"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages are not chat turns"),
        ({"messages": [{"role": "user", "content": "a\x00"}]}, "messages are not chat turns"),
        ({"messages": [{"role": "user", "content": "\udfff"}]}, "messages are not chat turns"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages are not chat turns"),
        ({"media": "a.wav"}, "media 'a.wav' is not there"),
    ],
)
def test_a_hostile_prompt_is_refused(capsys, tmp_path, values, words):
    file = tmp_path / "f.jsonl"
    file.write_text(GOOD_PROMPT + prompt_line(**values))
    line = refused(capsys, "import_prompts", file, prompt_set="new")
    assert words in line
    assert "f.jsonl:2: " in line


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"output": "a\x00b"}, "output holds a NUL character"),
        ({"output": "a\ud800b"}, "output holds half of a surrogate pair"),
        ({"sample": "1" * 400}, "sample is '111"),
        ({"sample": "NaN"}, "sample is 'NaN'"),
        ({"sample": 100}, "sample is 100"),
        ({"sample": True}, "sample is True"),
        ({"sample": []}, "sample is []"),
        ({"prompt_id": {"a": 1}}, "prompt_id is an object"),
    ],
)
def test_a_hostile_output_is_refused(capsys, tmp_path, values, words):
    make_prompt_set(slug="two")
    make_system(slug="first")
    row = {"prompt_id": "p2", "system": "first", "output": "x", **values}
    file = tmp_path / "f.jsonl"
    file.write_text(GOOD_OUTPUT + json.dumps(row) + "\n")
    line = refused(capsys, "import_outputs", file, prompt_set="two")
    assert words in line
    assert "f.jsonl:2: " in line


@pytest.mark.django_db
def test_a_whole_number_too_large_for_a_float_is_refused(capsys, tmp_path):
    make_prompt_set(slug="two")
    make_system(slug="first")
    file = tmp_path / "f.jsonl"
    file.write_text(GOOD_OUTPUT.replace("}", ', "sample": 1' + "0" * 400 + "}"))
    assert "sample is 1000" in refused(capsys, "import_outputs", file, prompt_set="two")


@pytest.mark.django_db
def test_outputs_that_are_there_are_never_overwritten(capsys, tmp_path):
    make_prompt_set(slug="two")
    make_system(slug="first")
    file = tmp_path / "f.jsonl"
    file.write_text(GOOD_OUTPUT)
    call_command("import_outputs", file, prompt_set="two", verbosity=0)
    capsys.readouterr()
    file.write_text(GOOD_OUTPUT.replace("fine", "rewritten").replace("p1", "p2") + GOOD_OUTPUT)
    line = refused(capsys, "import_outputs", file, prompt_set="two")
    assert "f.jsonl:2: prompt, system and sample stand in the database already" in line
    assert Output.objects.get().text == "fine"


@pytest.mark.django_db
def test_an_unknown_prompt_set_or_user_is_refused(capsys, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_text(GOOD_PROMPT)
    assert "unknown prompt set 'no'" in refused(capsys, "import_outputs", file, prompt_set="no")
    line = refused(capsys, "import_prompts", file, prompt_set="new", owner="nobody")
    assert "unknown user 'nobody'" in line


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"name": ""}, "the name is empty"),
        ({"name": " "}, "the name is empty"),
        ({"name": "n" * 201}, "the name has 201 characters"),
        ({"model": "m" * 301}, "the model has 301 characters"),
        ({"model": ""}, "no model is named"),
        ({"backend": "oracle"}, "unknown backend 'oracle'"),
        ({"slug": "No Slug"}, "'No Slug' is not a slug"),
        ({"settings": {"temperature": 10**400}}, "temperature is 1000"),
        ({"settings": {"temperature": float("nan")}}, "temperature is nan"),
        ({"settings": {"top_p": "1"}}, "top_p is '1'"),
        ({"settings": {"top_k": -1}}, "top_k is -1"),
        ({"settings": {"max_new_tokens": 0}}, "max_new_tokens is 0"),
        ({"settings": {"max_new_tokens": 9000}}, "max_new_tokens is 9000"),
        ({"settings": {"mode": ["chat"]}}, r"mode is \['chat'\]"),
        ({"settings": {"dtype": "float64"}}, "dtype is 'float64'"),
        ({"settings": {"stop": [""]}}, r"stop is \[''\]"),
        ({"settings": {"stop": ["a\x00"]}}, r"stop is \['a"),
        ({"settings": {"system_prompt": 7}}, "system_prompt is 7"),
        ({"settings": {"system_prompt": "a\x00b"}}, "system_prompt is 'a"),
        ({"settings": {"system_prompt": "\ud800"}}, "system_prompt is '"),
    ],
)
def test_an_unusable_system_is_refused(kwargs, words):
    owner = make_user()
    given = {"name": "x", "backend": "transformers", "model": "m", **kwargs}
    with pytest.raises(InputRefused, match=words) as caught:
        create_system(owner=owner, **given)
    assert len(str(caught.value)) < 300
    assert not System.objects.exists()


@pytest.mark.django_db
def test_a_prompt_set_needs_a_usable_name():
    rows = list(read_stream(io.BytesIO(GOOD_PROMPT.encode()), name="f.jsonl", required=("id",),
                            optional=("prompt",)))  # fmt: skip
    for name in ("", "n" * 201):
        with pytest.raises(InputRefused, match="the name"):
            create_prompt_set(owner=make_user(), name=name, rows=rows)
    assert not PromptSet.objects.exists()
