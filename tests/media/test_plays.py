"""What was played goes with the answer, and a study can demand that all of it was."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from annotation.launch import launch_study
from annotation.models import Assignment, Judgment, Rater, Study
from annotation.way import set_way
from annotation.way_files import take_way
from evalsite.lib.exceptions import InputRefused
from generation.models import Output, Prompt
from tests.annotation.people import claimed_by, enter, path_of, text_of
from tests.factories import make_rater, make_study
from tests.media.makers import judge_url, sound_study
from tests.protocols.rating import KINDS, Rating, some_answer

pytestmark = pytest.mark.django_db

ONCE = {"starts": 1, "ends": 1, "seconds": 1.0}


def launched(folder, *, must_play: bool = False, **kwargs) -> Study:
    study = sound_study(folder, **kwargs)
    if must_play:
        set_way(study, must_play=True)
    return launch_study(study)


def judge(rater: Rater, *, plays: object, left: str = "a", choice: str = "tie"):
    client = enter(rater)
    client.get(judge_url(rater))
    slot = claimed_by(rater)
    Assignment.objects.filter(pk=slot.pk).update(left=left)
    posted = plays if isinstance(plays, str) else json.dumps(plays)
    return client.post(judge_url(rater), {"token": slot.token, "choice": choice, "plays": posted})


@pytest.mark.parametrize(("left", "stored"), [("a", ("0", "1")), ("b", ("1", "0"))])
def test_counts_are_stored_in_the_order_of_the_task(tmp_path, left, stored):
    rater = make_rater(launched(tmp_path))
    judge(rater, plays={"0": [2, 1, 3.456], "1": [1, 0, 0.5]}, left=left)
    assert Judgment.objects.get().plays == {
        stored[0]: {"starts": 2, "ends": 1, "seconds": 3.46},
        stored[1]: {"starts": 1, "ends": 0, "seconds": 0.5},
    }


def test_they_are_as_append_only_as_the_judgment(tmp_path):
    judge(make_rater(launched(tmp_path)), plays={"0": [1, 1, 1]})
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Judgment.objects.update(plays=None)


@pytest.mark.parametrize(
    "plays",
    [
        "", "null", "[]", "{}", "nonsense", "[" * 3000, "1" * 5000, '{"0": [1, 1]}',
        '{"0": [1, 1, 1, 1]}', '{"0": [-1, 1, 1]}', '{"0": [1.5, 1, 1]}', '{"0": [true, 1, 1]}',
        '{"0": [1, 1, -1]}', '{"0": [1, 1, 1e9]}', '{"0": [1, 1, NaN]}', '{"0": [1, 1, Infinity]}',
        '{"0": [1001, 1, 1]}', '{"2": [1, 1, 1]}', '{"__class__": [1, 1, 1]}', '{"0": "1"}',
        '{"0": [1, 1, 1], "1": null}', '{"0": {"starts": 1}}', "9" * 4000,
    ],
)  # fmt: skip
def test_hostile_counts_are_ignored_and_the_answer_is_stored(tmp_path, plays):
    judge(make_rater(launched(tmp_path)), plays=plays)
    assert Judgment.objects.get().plays is None


def test_a_study_of_texts_sends_and_stores_no_counts():
    rater = make_rater(launch_study(make_study()))
    page = text_of(enter(rater).get(judge_url(rater)))
    assert "data-plays" not in page
    judge(rater, plays="")
    assert Judgment.objects.get().plays is None


@pytest.mark.parametrize(
    "plays",
    [{}, "x", {"0": [1, 1, 1]}, {"0": [1, 1, 1], "1": [5, 0, 0.4]}, {"1": [1, 1, 1]}],
)
def test_where_all_must_be_played_an_answer_is_refused_until_it_was(tmp_path, plays):
    rater = make_rater(launched(tmp_path, must_play=True))
    page = judge(rater, plays=plays)
    assert page.status_code == 409
    assert "Please play everything to its end first" in text_of(page)
    assert "JavaScript" in text_of(page)
    assert not Judgment.objects.exists()
    judge(rater, plays={"0": [1, 1, 1], "1": [1, 1, 1]})
    assert Judgment.objects.get().plays == {"0": ONCE, "1": ONCE}


def test_the_page_says_what_it_needs_without_javascript_too(tmp_path):
    rater = make_rater(launched(tmp_path, must_play=True))
    page = text_of(enter(rater).get(judge_url(rater)))
    assert "data-must-play" in page
    assert "<noscript>" in page
    free = make_rater(launched(tmp_path), "carol")
    page = text_of(enter(free).get(judge_url(free)))
    assert "data-must-play" not in page
    assert "<noscript>" not in page


def test_it_is_frozen_in_the_plan_and_does_not_concern_texts():
    study = make_study()
    set_way(study, must_play=True)
    study = launch_study(study)
    assert study.plan["raters"]["must_play"] is True
    assert study.plan["raters"]["loudness"] == -23.0
    judge(make_rater(study), plays="")
    assert Judgment.objects.count() == 1


@pytest.mark.parametrize("kind", ["mushra", "dcr", "likert", "best_worst"])
def test_every_place_of_every_protocol_can_be_demanded(tmp_path, kind):
    options = {"systems": 2, **KINDS[kind]}
    study = sound_study(tmp_path, **options)
    reference = Output.objects.exclude(media=None).latest("pk").media
    Prompt.objects.update(reference_media=reference)
    set_way(study, must_play=True)
    rating = Rating(launch_study(study))
    slot, places = rating.slot, [media.place for media in rating.task.played]
    token = rating.token()
    answer = some_answer(rating.parts)
    counts = {place: [1, 1, 1] for place in places}
    if kind in ("mushra", "dcr"):
        assert "reference" in places
    for missing in places:
        rest = {place: count for place, count in counts.items() if place != missing}
        rating.send(token, **answer, plays=json.dumps(rest))
        assert not Judgment.objects.exists()
    rating.send(token, **answer, plays=json.dumps(counts))
    stored = Judgment.objects.get().plays
    order = slot.order or [0]
    expected = {str(order[int(p)]) if p.isdigit() else p for p in places}
    assert stored.keys() == expected


def test_counts_survive_an_answer_that_lacks_something_else(tmp_path):
    study = launched(tmp_path, **KINDS["likert"])
    rating = Rating(study)
    rating.send(plays='{"0": [1, 1, 1]}')
    assert "One answer is missing" in rating.text
    assert 'value="{&quot;0&quot;: [1, 1, 1]}"' in rating.text


def test_counts_are_exported_and_come_back(tmp_path):
    study = launched(tmp_path)
    judge(make_rater(study), plays={"0": [2, 1, 3.5], "prompt": [1, 0, 0.25]}, left="b")
    for form in ("csv", "jsonl"):
        out = StringIO()
        call_command("export_judgments", study.slug, format=form, stdout=out)
        assert "plays" in out.getvalue().splitlines()[0]
        file = tmp_path / f"judgments.{form}"
        file.write_text(out.getvalue())
        call_command("import_judgments", file, study=f"again-{form}", create=True, verbosity=0)
        again = Judgment.objects.filter(study__slug=f"again-{form}").get()
        assert again.plays == Judgment.objects.order_by("pk")[0].plays


def test_without_counts_there_is_no_column():
    study = launch_study(make_study())
    judge(make_rater(study), plays="")
    out = StringIO()
    call_command("export_judgments", study.slug, format="csv", stdout=out)
    assert "plays" not in out.getvalue()


def test_counts_in_a_file_that_are_none_are_refused_with_their_line(tmp_path, capsys):
    file = tmp_path / "j.csv"
    file.write_text(
        "prompt_id,system_a,system_b,verdict,rater,plays\np1,x,y,a,bob,\np1,x,y,a,bob,[1]\n"
    )
    with pytest.raises(SystemExit):
        call_command("import_judgments", file, study="new", create=True)
    assert "j.csv:3: plays are no counts" in capsys.readouterr().err


def test_a_file_sets_loudness_and_playing(tmp_path):
    tables = take_way({"media": {"loudness": "off", "must_play": True}}, file="s.toml")
    assert tables.settings == {"loudness": None, "must_play": True}
    for values, words in [
        ({"loudness": -50}, 'media.loudness is -50; expected LUFS, -40 to -10, or "off"'),
        ({"loudness": True}, "media.loudness is True"),
        ({"loudness": float("nan")}, "media.loudness is nan"),
        ({"must_play": 1}, "media.must_play is 1; expected true or false"),
        ({"volume": 1}, "unknown key media.volume; expected loudness, must_play"),
    ]:
        with pytest.raises(InputRefused, match=r"s\.toml: ") as refused:
            take_way({"media": values}, file="s.toml")
        assert words in str(refused.value)


def test_the_rater_is_not_told_of_a_stranger_s_counts(tmp_path):
    """A wrong rater's token stores nothing, whatever counts come with it."""
    study = launched(tmp_path)
    bob, carol = make_rater(study), make_rater(study, "carol")
    enter(bob).get(judge_url(bob))
    client = enter(carol)
    client.get(judge_url(carol))
    page = client.post(
        path_of(carol, "judge"),
        {"token": claimed_by(bob).token, "choice": "tie", "plays": '{"0": [1, 1, 1]}'},
    )
    assert page.status_code == 409
    assert not Judgment.objects.exists()
