"""Prompt sets: pasted or uploaded, then their outputs queued, uploaded, and read side by side."""

from __future__ import annotations

import json

import pytest

from generation.models import Job, Output, PromptSet, System
from generation.views import PROMPTS_SIDE_BY_SIDE
from tests.factories import (
    make_output,
    make_outputs,
    make_prompt,
    make_prompt_set,
    make_system,
    make_user,
)
from tests.pages.people import errors, said, signed_in, upload

pytestmark = pytest.mark.django_db
NEW = "/prompt-sets/new/"


def test_pasted_lines_become_prompts():
    answer = signed_in().post(NEW, {"name": "Pasted", "lines": "  Why?  \n\nHow <b>so</b>?\r\n"})
    assert answer["Location"] == "/prompt-sets/pasted/"
    prompts = PromptSet.objects.get().prompts.values_list("key", "text")
    assert list(prompts) == [("1", "Why?"), ("2", "How <b>so</b>?")]


def test_a_csv_file_becomes_prompts_that_are_shown():
    alice = signed_in()
    file = upload("p.CSV", "id,prompt,category,reference\na,Say A.,letters,A\nb,Say B.,letters,B\n")
    page = alice.post(NEW, {"name": "Letters", "file": file}, follow=True)
    assert [(p.key, p.category, p.reference) for p in page.context["prompts"]] == [
        ("a", "letters", "A"),
        ("b", "letters", "B"),
    ]
    assert "Say B." in page.content.decode()


def test_a_jsonl_file_becomes_prompts():
    lines = "\n".join(json.dumps({"id": f"q{n}", "prompt": "Är du?"}) for n in range(3))
    signed_in().post(NEW, {"name": "Questions", "file": upload("q.jsonl", lines)})
    assert list(PromptSet.objects.get().prompts.values_list("key", flat=True)) == ["q0", "q1", "q2"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.csv", "", "p.csv: the file holds no rows"),
        ("p.csv", "id,prompt\n", "p.csv: the file holds no rows"),
        ("p.csv", "id,text\n1,a\n", "p.csv:2: column prompt is missing"),
        ("p.csv", "id,prompt,colour\n1,a,red\n", "unknown column 'colour'"),
        ("p.csv", "id,prompt\n1,a\n1,b\n", "p.csv:3: id '1' stands in line 2 already"),
        ("p.csv", "id,prompt\n1,\n", "p.csv:2: prompt is empty"),
        ("p.csv", "id,prompt\n1,a,b\n", "p.csv:2: 3 fields"),
        ("p.csv", b"id,prompt\n1,\xff\n", "p.csv:2: byte 3 of the line is not UTF-8"),
        ("p.jsonl", '{"id": "1", "prompt": NaN}\n', "p.jsonl:1: not JSON"),
        ("p.jsonl", '{"id": "1", "prompt": "a"}\n[]\n', "p.jsonl:2: the line is a list"),
        ("p.jsonl", '{"id": "1", "prompt": "a\\u0000"}\n', "p.jsonl:1: prompt holds a NUL"),
        ("p.txt", "hello", "Take a .csv or .jsonl file."),
    ],
)
def test_a_bad_file_is_told_by_line_and_nothing_is_stored(name, content, words):
    page = signed_in().post(NEW, {"name": "Bad", "file": upload(name, content)})
    assert page.status_code == 200
    assert words in errors(page)["file"][0]
    assert not PromptSet.objects.exists()


def test_a_file_that_is_too_large_is_refused(settings):
    settings.EVALSITE_MAX_UPLOAD_MB = 1
    page = signed_in().post(NEW, {"name": "Big", "file": upload("p.csv", "x" * (2**20 + 1))})
    assert errors(page) == {"file": ["At most 1 MB."]}


@pytest.mark.parametrize("extra", [{}, {"lines": " \n "}, {"lines": "a", "file": "id,prompt\n1,a"}])
def test_either_a_file_or_lines(extra):
    if "file" in extra:
        extra = extra | {"file": upload("p.csv", extra["file"])}
    page = signed_in().post(NEW, {"name": "Both or none", **extra})
    assert errors(page) == {"__all__": ["Give either a file or lines of prompts."]}


def test_long_sets_come_in_pages():
    prompt_set = make_prompt_set(prompts=60)
    alice = signed_in()
    first = alice.get(f"/prompt-sets/{prompt_set.slug}/")
    assert len(first.context["prompts"]) == 50
    assert f'href="/prompt-sets/{prompt_set.slug}/?page=2"' in first.content.decode()
    second = alice.get(f"/prompt-sets/{prompt_set.slug}/?page=2")
    assert [p.position for p in second.context["prompts"]] == list(range(50, 60))


@pytest.mark.parametrize("page", ["0", "-1", "999", "x", "%00", "9" * 30])
def test_a_page_that_is_not_there_is_the_nearest_one(page):
    prompt_set = make_prompt_set(prompts=60)
    assert signed_in().get(f"/prompt-sets/{prompt_set.slug}/?page={page}").status_code == 200


# Queueing


def queue(prompt_set: PromptSet, *systems: System, username: str = "alice", **extra):
    data = {"systems": [s.pk for s in systems], "samples": 1, "seed": 0} | extra
    return signed_in(username).post(f"/prompt-sets/{prompt_set.slug}/queue/", data)


def fake(**kwargs) -> System:
    return make_system(backend=System.Backend.FAKE, **kwargs)


def test_one_system_is_queued_and_its_job_is_shown():
    prompt_set = make_prompt_set(prompts=3)
    answer = queue(prompt_set, fake(), samples=2, seed=7)
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert (job.outputs.pending().count(), job.seed) == (6, 7)


def test_two_systems_are_two_jobs():
    answer = queue(make_prompt_set(), fake(), fake())
    assert answer["Location"] == "/jobs/"
    assert Job.objects.count() == 2


def test_what_is_there_already_is_not_made_again_and_said():
    prompt_set, system = make_prompt_set(), fake(name="Parrot")
    make_outputs(prompt_set, [system])
    answer = queue(prompt_set, system)
    assert answer["Location"] == f"/prompt-sets/{prompt_set.slug}/"
    assert said(answer).startswith("Parrot: Every output of this system")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ({"systems": []}, "systems"),
        ({"systems": ["x"]}, "systems"),
        ({"systems": ["9" * 30]}, "systems"),
        ({"samples": 0}, "samples"),
        ({"samples": 101}, "samples"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
    ],
)
def test_a_queue_form_that_is_wrong_queues_nothing(extra, field):
    page = queue(make_prompt_set(), fake(), **extra)
    assert list(errors(page, "queue_form")) == [field]
    assert not Job.objects.exists()


def test_neither_systems_of_others_nor_imported_ones_can_be_queued():
    prompt_set = make_prompt_set()
    for system in (fake(owner=make_user("charlie")), make_system()):
        assert list(errors(queue(prompt_set, system), "queue_form")) == ["systems"]
    assert not Job.objects.exists()


def test_the_pages_of_prompts_have_an_address_after_an_error_too():
    prompt_set = make_prompt_set(prompts=60)
    page = queue(prompt_set)
    assert f'href="/prompt-sets/{prompt_set.slug}/?page=2"' in page.content.decode()


# Uploading outputs


def upload_outputs(prompt_set: PromptSet, content: str, name: str = "o.csv"):
    return signed_in().post(
        f"/prompt-sets/{prompt_set.slug}/upload/", {"file": upload(name, content)}
    )


def test_uploaded_outputs_are_stored_by_slug_or_name():
    prompt_set = make_prompt_set(prompts=2)
    make_system(slug="one", name="The one")
    answer = upload_outputs(
        prompt_set, "prompt_id,system,output\np1,one,First.\np2,The one,Second.\n"
    )
    assert answer["Location"] == f"/prompt-sets/{prompt_set.slug}/"
    assert said(answer) == "2 outputs are stored."
    assert list(Output.objects.values_list("text", flat=True)) == ["First.", "Second."]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("p9,one,a", "o.csv:3: unknown prompt_id 'p9'"),
        ("p2,two,a", "o.csv:3: unknown system 'two'"),
        ("p1,one,a", "o.csv:3: prompt, system and sample stand in line 2 already"),
        ("p2,foreign,a", "o.csv:3: unknown system 'foreign'"),
        ("p2,one,", "o.csv:3: output is empty"),
    ],
)
def test_a_bad_row_refuses_the_whole_file(rows, words):
    prompt_set = make_prompt_set(prompts=2)
    make_system(slug="one")
    make_system(slug="foreign", owner=make_user("charlie"))
    page = upload_outputs(prompt_set, f"prompt_id,system,output\np1,one,fine\n{rows}\n")
    assert words in errors(page, "upload_form")["file"][0]
    assert not Output.objects.exists()


def test_an_upload_without_a_file_is_told():
    prompt_set = make_prompt_set()
    page = signed_in().post(f"/prompt-sets/{prompt_set.slug}/upload/")
    assert errors(page, "upload_form") == {"file": ["This field is required."]}


# Side by side


def test_outputs_stand_side_by_side_with_what_is_odd_about_them():
    prompt_set = make_prompt_set(prompts=0)
    prompt = make_prompt(prompt_set=prompt_set, text="Name a colour.")
    for name, text, finish in [("A", "Red.", "eos"), ("B", "Red.", "length"), ("C", "", "eos")]:
        make_output(system=make_system(name=name), prompt=prompt, text=text, finish_reason=finish)
    page = signed_in().get(f"/prompt-sets/{prompt_set.slug}/outputs/")
    cells = page.context["rows"][0]["cells"]
    assert [c["output"].system.name for c in cells] == ["A", "B", "C"]
    assert [c["is_duplicate"] for c in cells] == [True, True, False]
    text = page.content.decode()
    assert text.count("same as another") == 2
    assert text.count("cut at the limit") == 1
    assert text.count('<span class="tag bad">empty') == 1


def test_what_is_long_is_cut_and_can_be_read_whole():
    prompt_set = make_prompt_set(prompts=0)
    prompt = make_prompt(prompt_set=prompt_set, key="p1", text="Go on for ever.")
    make_output(system=make_system(), prompt=prompt, text="word " * 5000)
    make_output(system=make_system(), prompt=prompt, text="Briefly.")
    page = signed_in().get(f"/prompt-sets/{prompt_set.slug}/outputs/").content.decode()
    assert page.count('class="text cut"') == 1
    assert "5,000 words" in page
    assert "Show p1 whole" in page


def test_the_outputs_are_told_in_numbers_by_system():
    prompt_set = make_prompt_set(prompts=5)
    texts = ["x" * 10, "x" * 20, "x" * 20, "I’m sorry, I can't help with that.", ""]
    wordy, mute = make_system(name="Wordy"), make_system(name="Mute")
    for prompt, text in zip(prompt_set.prompts.all(), texts, strict=True):
        make_output(system=wordy, prompt=prompt, text=text, finish_reason="length")
        make_output(system=mute, prompt=prompt, state=Output.State.FAILED, error="no")
    page = signed_in().get(f"/prompt-sets/{prompt_set.slug}/outputs/")
    silent, facts = page.context["facts"]
    assert (silent.system, silent.done, silent.failed, silent.lengths) == (mute, 0, 5, None)
    assert (facts.done, facts.cut, facts.empty) == (5, 5, 1)
    assert (facts.duplicates, facts.refusals, facts.lengths) == (1, 1, (10, 20, 34))
    assert page.content.decode().count("begins like a refusal") == 1


def test_outputs_in_the_making_are_not_shown():
    prompt_set = make_prompt_set(prompts=1)
    make_outputs(prompt_set, [make_system()], state=Output.State.PENDING, text="half of i")
    page = signed_in().get(f"/prompt-sets/{prompt_set.slug}/outputs/").content.decode()
    assert "half of i" not in page
    assert "No outputs yet." in page


def test_the_outputs_of_many_prompts_come_in_pages_at_one_price(django_assert_max_num_queries):
    prompt_set = make_prompt_set(prompts=PROMPTS_SIDE_BY_SIDE * 3)
    make_outputs(prompt_set, [make_system() for _ in range(4)])
    alice = signed_in()
    with django_assert_max_num_queries(10):
        page = alice.get(f"/prompt-sets/{prompt_set.slug}/outputs/?page=3")
    assert len(page.context["rows"]) == PROMPTS_SIDE_BY_SIDE
    assert all(len(row["cells"]) == 4 for row in page.context["rows"])


def test_hostile_outputs_are_harmless_side_by_side():
    prompt_set = make_prompt_set(prompts=1)
    nasty = "<script>alert(1)</script> <img src=http://x.example/a.png> [go](javascript:alert(1))"
    make_outputs(prompt_set, [make_system()], text=nasty)
    page = signed_in().get(f"/prompt-sets/{prompt_set.slug}/outputs/").content.decode()
    assert "<script>alert" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
