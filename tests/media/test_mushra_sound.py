"""MUSHRA with sound: what hides among the systems, what was heard, and what is made of it."""

from __future__ import annotations

import hashlib
import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from annotation.audit import audit_blinding
from annotation.exceptions import StudyNotReady
from annotation.launch import launch_study
from annotation.models import Study, TaskOutput
from annotation.quality.assessment import assess
from annotation.quality.declaring import declare_rules
from annotation.quality.rule_files import read_rules
from evalsite.lib.exceptions import InputRefused
from generation.anchors import served_anchor, served_hidden_reference
from generation.copies import served_copy
from generation.models import Media, ServedCopy
from ranking.reports import build_report
from tests.factories import make_user
from tests.media.mushra import sound_draft, sound_mushra
from tests.protocols.rating import Rating, launched

pytestmark = pytest.mark.django_db
#: Three systems, the hidden reference, two anchors.
SIGNALS = 6


def plays(count: int = SIGNALS, *, seconds: float = 1.0, without: int | None = None) -> str:
    return json.dumps({str(i): [1, 0, seconds] for i in range(count) if i != without})


def scores(rating: Rating, by_place: list[int]) -> dict[str, Any]:
    """Return the form that gives these scores to the places of the task."""
    order = rating.slot.order
    return {
        "plays": plays(len(order)),
        **{f"score_{i}": by_place[place] for i, place in enumerate(order)},
    }


@pytest.fixture
def bob(tmp_path) -> Rating:
    return Rating(sound_mushra(tmp_path))


def test_the_reference_and_its_anchors_hide_behind_the_systems(bob):
    roles = bob.slot.task.outputs.order_by("place").values_list("role", flat=True)
    assert list(roles) == ["system"] * 3 + ["reference", "anchor_3500", "anchor_7000"]
    assert sorted(bob.slot.order) == list(range(SIGNALS))
    assert Study.objects.get().plan["options"] == {
        "reference": True, "anchors": [3500, 7000], "sound": True,
    }  # fmt: skip


def test_all_signals_look_alike_and_only_the_places_differ(bob):
    rows = re.findall(r'<li class="signal card">.*?</li>\s*(?=<li class="signal card"|</ul>)',
                      bob.text, re.DOTALL)  # fmt: skip
    assert len(rows) == 1 + SIGNALS
    known = re.compile(r"/media/[^\"]+|data-(place|key)=\"\w+\"|<kbd>\w</kbd>|score_\d|Answer \w")
    assert len({known.sub("", row).split("</li>\n    \n")[0].strip() for row in rows[1:]}) == 1


def test_each_place_sends_what_stands_there(bob):
    url = f"/rate/{bob.study.public_id}/media/{bob.slot.token}/"

    def sha256(place: object) -> str:
        sent = bob.client.get(f"{url}{place}/")
        return hashlib.sha256(b"".join(sent.streaming_content)).hexdigest()

    reference: Media = bob.slot.task.prompt.reference_media
    expected = {3: served_hidden_reference(reference, loudness=-23.0)} | {
        place: served_anchor(reference, hertz, loudness=-23.0)
        for place, hertz in ((4, 3500), (5, 7000))
    }
    for number, place in enumerate(bob.slot.order):
        if place in expected:
            assert sha256(number) == expected[place].sha256
    assert sha256("reference") == served_copy(reference, loudness=-23.0).sha256
    assert sha256("reference") != expected[3].sha256
    assert len({sha256(number) for number in range(SIGNALS)}) == SIGNALS
    assert Client().get(f"{url}0/").status_code == 404
    assert bob.client.get(f"{url}{SIGNALS}/").status_code == 404


def test_what_was_heard_is_stored_by_place(bob):
    said = {str(i): [i + 1, 0, 1.5] for i in range(SIGNALS)} | {"reference": [2, 1, 4.0]}
    bob.send(**{**scores(bob, [10, 20, 30, 100, 5, 50]), "plays": json.dumps(said)})
    judgment = bob.study.judgments.get()
    assert judgment.answer["scores"] == [10, 20, 30, 100, 5, 50]
    heard = [judgment.plays[str(place)]["starts"] for place in judgment.answer["order"]]
    assert heard == [1, 2, 3, 4, 5, 6]
    assert judgment.plays["reference"]["starts"] == 2


@pytest.mark.parametrize(
    "said",
    ["", "nonsense", "{}", "[]", plays(5), plays(without=2), plays(seconds=0.4),
     plays(seconds=-1.0), plays(7), '{"0": true}', "[" * 4000],
)  # fmt: skip
def test_an_answer_with_a_sound_that_was_not_heard_is_refused_and_kept(bob, said):
    page = bob.send(**{**scores(bob, [1, 2, 3, 4, 5, 6]), "plays": said}).page
    assert page.status_code == 409
    assert "one was not heard yet" in bob.text
    assert not bob.study.judgments.exists()
    values = [int(output.part.value) for output in page.context["task"].outputs]
    assert sorted(values) == [1, 2, 3, 4, 5, 6]


def test_a_correction_need_not_be_heard_again(bob):
    bob.send(**scores(bob, [1, 2, 3, 4, 5, 6]))
    bob.undo()
    bob.send(**{**scores(bob, [6, 5, 4, 3, 2, 1]), "plays": ""})
    assert bob.study.judgments.current().get().answer["scores"] == [6, 5, 4, 3, 2, 1]


def test_the_variant_without_a_reference_has_none(tmp_path):
    bob = Rating(sound_mushra(tmp_path, options={"reference": False}))
    assert "data-console" in bob.text
    assert 'data-place="reference"' not in bob.text
    assert len(bob.task.outputs) == 3
    bob.send(**scores(bob, [1, 2, 3]))
    assert bob.study.judgments.get().answer["scores"] == [1, 2, 3]
    url = f"/rate/{bob.study.public_id}/media/{bob.slot.token}/reference/"
    assert bob.client.get(url).status_code == 404


def test_a_study_of_texts_is_as_it_was():
    bob = Rating(launched("mushra"))
    assert "data-console" not in bob.text
    assert "mushra.js" not in bob.text
    bob.send(**{f"score_{i}": "50" for i in range(4)})
    assert bob.study.judgments.count() == 1
    assert not bob.study.plan["options"].get("sound")


def test_a_study_of_texts_that_claims_to_be_sound_is_put_right():
    study = launched("mushra", options={"sound": True})
    assert study.options["sound"] is False
    assert "data-console" not in Rating(study).text


def test_twelve_signals_are_the_most_with_what_hides(tmp_path):
    with pytest.raises(StudyNotReady, match="at most 9 systems"):
        launch_study(sound_draft(tmp_path, systems=10, prompts=1, seconds=0.6))
    study = sound_mushra(tmp_path, systems=9, prompts=1, seconds=0.6)
    assert len(Rating(study).task.outputs) == 12


@pytest.mark.parametrize(
    ("options", "wrong"),
    [({"anchors": [3000]}, "anchors"), ({"anchors": 3500}, "anchors"), ({"anchors": [True]}, "a"),
     ({"anchors": ["3500"]}, "anchors"), ({"reference": False, "anchors": [3500]}, "reference"),
     ({"anchors": [[3500]]}, "anchors")],
)  # fmt: skip
def test_bad_options_are_refused(options, wrong):
    from annotation.protocols.mushra import Mushra

    with pytest.raises(InputRefused, match=wrong):
        Mushra.parse(options)


def test_anchors_can_be_chosen_in_the_form(tmp_path):
    study = sound_draft(tmp_path)
    alice = Client()
    alice.force_login(make_user())
    form = {
        "name": "Heard", "title": "Sounds", "protocol": "mushra", "judgments_per_task": 1,
        "prompt_set": study.prompt_set_id, "systems": [s.pk for s in study.systems.all()],
        "mushra_reference": "on", "mushra_anchors": ["7000"],
    }  # fmt: skip
    assert alice.post("/studies/new/", form).status_code == 302
    assert Study.objects.get(name="Heard").options["anchors"] == [7000]


def judged(tmp_path) -> Study:
    bob = Rating(sound_mushra(tmp_path, prompts=2))
    for given in ([10, 20, 30, 100, 5, 50], [20, 30, 40, 90, 15, 60]):
        bob.send(**scores(bob, given))
    return bob.study


def test_hidden_signals_are_reported_apart(tmp_path):
    report = build_report(judged(tmp_path))
    assert [row["mos"] for row in report["standings"]] == [35.0, 25.0, 15.0]
    assert {row["label"]: row["mos"] for row in report["apart"]} == {
        "Hidden reference": 95.0, "Mid anchor, 7 kHz": 55.0, "Low anchor, 3.5 kHz": 10.0,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_exported_is_imported_to_the_same_report(tmp_path, form):
    study = judged(tmp_path)
    out = tmp_path / f"judgments.{form}"
    call_command("export_judgments", study.slug, format=form, output=out, stdout=StringIO())
    text = out.read_text()
    assert "anchor_3500" in text
    assert "anchor_7000" in text
    call_command(
        "import_judgments", str(out), study="again", create=True, owner="alice", stdout=StringIO()
    )
    again = Study.objects.get(slug="again")
    assert again.options["anchors"] == [3500, 7000]
    kept = [build_report(s) for s in (study, again)]
    assert kept[0]["apart"] == kept[1]["apart"]
    means = [{row["name"]: row["mos"] for row in report["standings"]} for report in kept]
    assert means[0] == means[1]
    answers = [s.judgments.order_by("pk").values_list("answer", flat=True) for s in (study, again)]
    assert list(answers[0]) == list(answers[1])


def test_the_rule_set_knows_the_studys_own_mid_anchor(tmp_path):
    study = sound_draft(tmp_path, prompts=7, seconds=0.6, judgments_per_task=4)
    rules = read_rules([{"set": "mushra"}], file="r.toml", study=study)
    assert [rule.name for rule in rules] == ["mushra: reference", "mushra: anchor"]
    declare_rules(study, rules)
    launch_study(study)
    good, bad = [10, 20, 30, 100, 5, 50], [10, 20, 30, 100, 5, 95]
    for name, given in (("ann", good), ("bob", bad), ("cat", good), ("dan", good)):
        rating = Rating(study, name)
        for _ in range(7):
            rating.send(**scores(rating, given))
    found = assess(study)
    hits = {study.raters.get(pk=pk).name: names for pk, names in found.hit_by.items() if names}
    assert hits == {"bob": ["mushra: anchor"]}
    system = study.systems.first().slug
    with pytest.raises(InputRefused, match="makes a mid anchor"):
        read_rules([{"set": "mushra", "anchor": system}], file="r.toml", study=study)


def test_the_audit_walks_through_it(tmp_path):
    study = sound_mushra(tmp_path)
    assert [f for f in audit_blinding(study) if f.is_leak] == []
    assert TaskOutput.objects.filter(role="anchor_3500").count() == 2


def test_a_hidden_reference_with_the_bytes_of_the_open_one_is_found(tmp_path):
    study = sound_mushra(tmp_path, prompts=1)
    hidden = ServedCopy.objects.get(recipe__endswith="dithered")
    source, recipe = hidden.source, hidden.recipe
    hidden.delete()
    ServedCopy.objects.create(
        source=source, recipe=recipe, media=served_copy(source, loudness=-23.0)
    )
    [leak] = [f for f in audit_blinding(study) if f.is_leak]
    assert leak.where == "files of prompt p1"
    assert re.fullmatch(r"the same file at reference and \d", leak.what)


def test_a_reference_that_is_no_sound_needs_no_file_to_hide_it():
    launched("mushra")
    assert not ServedCopy.objects.exists()
