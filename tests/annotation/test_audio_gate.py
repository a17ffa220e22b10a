"""The audio gate over HTTP: who hears passes, twice failed is out, nobody else gets a sound."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from annotation.audio_gate.parts import PARTS
from annotation.audit import audit_blinding
from annotation.exceptions import StudyNotDraft
from annotation.launch import launch_study
from annotation.models import AudioCheck, Rater, Study
from annotation.services import close_study
from annotation.way import set_way
from annotation.way_files import take_way
from evalsite.lib.exceptions import InputRefused
from tests.annotation.people import enter, judge_all, open_link, path_of, text_of, where
from tests.factories import make_rater, make_study, make_user

pytestmark = pytest.mark.django_db
ALL_PARTS = ["headphones", "antiphase", "ears", "hearing"]


def gated(*parts: str, **way: Any) -> Study:
    study = make_study(consent="We store answers.")
    set_way(study, audio_gate=list(parts or ALL_PARTS), **way)
    return launch_study(study)


@pytest.fixture
def study() -> Study:
    return gated()


@pytest.fixture
def bob(study) -> Rater:
    return make_rater(study)


def fresh(rater: Rater) -> Rater:
    return Rater.objects.select_related("study__stored_way").get(pk=rater.pk)


def latest(rater: Rater) -> AudioCheck:
    return rater.audio_checks.latest("number")


def begin(client: Client, rater: Rater) -> Any:
    return client.post(path_of(rater, "audio"))


def fields(rater: Rater, *, wrong: int = 0) -> dict[str, str]:
    """Return the form of the open part as it would be answered, the first `wrong` ones wrongly."""
    current = latest(rater).current
    assert current
    possible = PARTS[current["name"]].possible
    answers = [
        (place + (number < wrong)) % possible for number, place in enumerate(current["right"])
    ]
    named = {f"sound_{number}": str(answer) for number, answer in enumerate(answers, start=1)}
    return {"form": current["form"], **named}


def answer(client: Client, rater: Rater, *, wrong: int = 0) -> Any:
    return client.post(path_of(rater, "audio"), fields(rater, wrong=wrong), follow=True)


def headers(sound: Any) -> list[tuple[str, str]]:
    return sorted(item for item in sound.items() if item[0] != "Expires")


def addresses(page: Any) -> list[str]:
    return re.findall(r'src="([^"]+/audio/sound/[^"]+)"', text_of(page))


def test_it_comes_after_the_instructions_and_who_hears_goes_on(study, bob):
    client = enter(bob)
    assert where(client, bob) == "audio"
    page = client.get(path_of(bob, "audio"))
    assert "Set your volume" in text_of(page)
    assert "six sounds each: 4" in text_of(page)
    assert not bob.audio_checks.exists(), "looking begins nothing"
    begin(client, bob)
    for number in range(4):
        page = client.get(path_of(bob, "audio"))
        assert f"Part {number + 1} of 4" in text_of(page)
        answer(client, bob)
    assert where(client, bob) == "judge"
    assert latest(bob).has_passed
    assert judge_all(client, bob) == 2
    assert fresh(bob).outcome == Rater.Outcome.COMPLETE


@pytest.mark.parametrize(
    ("part", "wrong", "passes"),
    [("headphones", 1, False), ("antiphase", 1, True), ("antiphase", 2, False),
     ("ears", 1, False), ("hearing", 1, True), ("hearing", 2, False)],
)  # fmt: skip
def test_each_part_has_its_mark(part, wrong, passes):
    bob = make_rater(gated(part))
    client = enter(bob)
    begin(client, bob)
    answer(client, bob, wrong=wrong)
    assert latest(bob).has_passed is passes
    assert where(client, bob) == ("judge" if passes else "audio")


def test_a_second_try_has_other_sounds_and_says_what_to_see_to(bob):
    client = enter(bob)
    begin(client, bob)
    first = latest(bob)
    page = answer(client, bob, wrong=6)
    assert "That was not enough." in text_of(page)
    assert "on both ears" in text_of(page)
    assert "Set your volume" in text_of(page)
    begin(client, bob)
    second = latest(bob)
    assert (first.number, second.number) == (1, 2)
    assert first.seed != second.seed
    assert not set(first.parts[0]["sounds"]) & set(second.parts[0]["sounds"])
    for _ in range(4):
        answer(client, bob)
    assert where(client, bob) == "judge"


def test_two_failed_tries_screen_out_with_that_code():
    study = gated("ears", code_screened_out="OUT1", code_complete="FULL1")
    bob = make_rater(study)
    client = enter(bob)
    for _ in range(2):
        begin(client, bob)
        page = answer(client, bob, wrong=6)
    assert "Thank you for your time." in text_of(page)
    assert "OUT1" in text_of(page)
    assert "FULL1" not in text_of(page)
    assert fresh(bob).outcome == Rater.Outcome.SCREENED_OUT
    begin(client, bob)
    client.post(path_of(bob, "audio"), {"form": "x"})
    assert bob.audio_checks.count() == 2
    assert where(client, bob) == "done"
    client.post(path_of(bob, "judge"), {"choice": "tie"})
    assert not bob.judgments.exists()


def test_guessers_are_out_and_the_draws_of_two_raters_differ(study, monkeypatch):
    """Twenty who click at random, twice each; the seeds are fixed, else one in 18 runs fails."""
    seeds = iter(range(1000, 1040))
    monkeypatch.setattr("annotation.audio_gate.attempts.secrets.randbelow", lambda _: next(seeds))
    generator = np.random.default_rng(11)
    keys = set()
    for number in range(20):
        rater = make_rater(study, f"guesser {number}")
        client = enter(rater)
        for _ in range(2):
            begin(client, rater)
            keys.add(str([part["right"] for part in latest(rater).parts]))
            sent = {"form": latest(rater).parts[0]["form"]}
            sent |= {f"sound_{i}": str(generator.integers(3)) for i in range(1, 7)}
            client.post(path_of(rater, "audio"), sent)
        assert fresh(rater).outcome == Rater.Outcome.SCREENED_OUT
    assert len(keys) == 40


def test_nothing_of_what_is_right_is_on_the_page(bob):
    client = enter(bob)
    begin(client, bob)
    check = latest(bob)
    for part in check.parts:
        page = client.get(path_of(bob, "audio"))
        text = text_of(page)
        assert str(check.seed) not in text
        assert "checked" not in text
        assert "right" not in re.sub(r"[Rr]ight way|On the right|the right|Right</span>", "", text)
        groups = re.findall(r"<fieldset.*?</fieldset>", text, re.DOTALL)
        plain = {re.sub(r"[Ss]ound[ _]\d|/sound/[\w-]+/", "", group) for group in groups}
        assert len(groups) == 6
        assert len(plain) == 1, "all sounds look the same"
        assert [address.split("/")[-2] for address in addresses(page)] == part["sounds"]
        answer(client, bob)


def test_sounds_come_with_the_same_headers_and_different_bytes(bob):
    client = enter(bob)
    begin(client, bob)
    for _ in range(4):
        found = [client.get(url) for url in addresses(client.get(path_of(bob, "audio")))]
        assert [sound.status_code for sound in found] == [200] * 6
        assert len({str(headers(sound)) for sound in found}) == 1
        assert len({sound.getvalue() for sound in found}) == 6
        assert found[0]["Content-Type"] == "audio/wav"
        assert "no-store" in found[0]["Cache-Control"]
        answer(client, bob)


def test_a_player_may_ask_for_a_part_of_a_sound(bob):
    client = enter(bob)
    begin(client, bob)
    (url, *_) = addresses(client.get(path_of(bob, "audio")))
    whole = client.get(url).getvalue()
    part = client.get(url, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.getvalue()) == (206, whole[2:6])
    assert part["Content-Range"] == f"bytes 2-5/{len(whole)}"
    assert client.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    head = client.head(url)
    assert (head["Content-Length"], head.getvalue()) == (str(len(whole)), b"")


def test_nobody_else_gets_a_sound(study, bob):
    client = enter(bob)
    begin(client, bob)
    urls = addresses(client.get(path_of(bob, "audio")))
    volume = path_of(bob, "audio/volume")
    stranger = Client()
    assert {stranger.get(url).status_code for url in [*urls, volume]} == {403}
    assert stranger.post(path_of(bob, "audio")).status_code == 403
    carol = make_rater(study, "carol")
    hers = enter(carol)
    begin(hers, carol)
    assert {hers.get(url).status_code for url in urls} == {404}
    assert hers.get(path_of(bob, "audio/sound/nonsense")).status_code == 404
    owner = Client()
    owner.force_login(make_user())
    assert owner.get(urls[0]).status_code == 403


def test_sounds_are_gone_once_the_part_is_answered(bob):
    client = enter(bob)
    assert client.get(path_of(bob, "audio/volume")).status_code == 200
    begin(client, bob)
    urls = addresses(client.get(path_of(bob, "audio")))
    answer(client, bob)
    assert {client.get(url).status_code for url in urls} == {404}
    for _ in range(3):
        answer(client, bob)
    assert client.get(path_of(bob, "audio/volume")).status_code == 404


def test_a_form_that_is_sent_again_counts_once(bob):
    client = enter(bob)
    begin(client, bob)
    sent = fields(bob, wrong=1)
    client.post(path_of(bob, "audio"), sent)
    assert latest(bob).has_passed is False
    begin(client, bob)
    before = latest(bob).parts
    for _ in range(3):  # the old form again, rightly answered or not
        page = client.post(path_of(bob, "audio"), sent, follow=True)
        assert "Part 1 of 4" in text_of(page)
    assert latest(bob).parts == before
    assert latest(bob).has_passed is None


def test_two_tabs_begin_one_attempt_and_the_first_answer_stands(bob):
    client = enter(bob)
    begin(client, bob)
    begin(client, bob)
    assert bob.audio_checks.count() == 1
    first, second = fields(bob), fields(bob, wrong=6)
    client.post(path_of(bob, "audio"), first)
    page = client.post(path_of(bob, "audio"), second, follow=True)
    assert "Part 2 of 4" in text_of(page)
    assert latest(bob).has_passed is None


@pytest.mark.parametrize(
    "change",
    [{"sound_3": None}, {"sound_3": "9"}, {"sound_1": "x"}, {"sound_6": "-1"}, {"sound_2": "٢"},
     {"sound_2": "1\x00"}, {"sound_2": ""}],
)  # fmt: skip
def test_a_missing_or_edited_answer_costs_no_attempt_and_keeps_the_others(bob, change):
    client = enter(bob)
    begin(client, bob)
    sent = {k: v for k, v in {**fields(bob), **change}.items() if v is not None}
    page = client.post(path_of(bob, "audio"), sent)
    assert page.status_code == 409
    assert 'role="alert"' in text_of(page)
    assert text_of(page).count("checked") == 5
    assert "answers" not in latest(bob).parts[0]
    assert bob.audio_checks.count() == 1


@pytest.mark.parametrize("form", ["", "nonsense", "\x00", "é" * 200])
def test_a_form_of_another_page_changes_nothing(bob, form):
    client = enter(bob)
    begin(client, bob)
    page = client.post(path_of(bob, "audio"), {**fields(bob), "form": form}, follow=True)
    assert "Part 1 of 4" in text_of(page)
    assert "answers" not in latest(bob).parts[0]


def test_anothers_form_is_not_taken(study, bob):
    carol = make_rater(study, "carol")
    client, hers = enter(bob), enter(carol)
    begin(client, bob)
    begin(hers, carol)
    client.post(path_of(bob, "audio"), fields(carol))
    assert "answers" not in latest(bob).parts[0]
    assert "answers" not in latest(carol).parts[0]


def test_out_of_order_it_is_refused(bob):
    client = open_link(bob)
    assert begin(client, bob).status_code == 409
    assert not bob.audio_checks.exists()
    assert client.get(path_of(bob, "audio"))["Location"] == path_of(bob, "consent")
    client = enter(bob)
    assert client.post(path_of(bob, "judge"), {"choice": "tie"}).status_code == 409


def test_after_the_end_nobody_is_checked(study, bob):
    client = enter(bob)
    close_study(study)
    assert "The study has ended" in text_of(client.get(path_of(bob, "audio")))
    begin(client, bob)
    assert not bob.audio_checks.exists()


def test_a_study_without_it_asks_nothing():
    bob = make_rater(launch_study(make_study()))
    assert where(enter(bob), bob) == "judge"
    assert enter(bob).get(path_of(bob, "audio"))["Location"] == path_of(bob, "judge")


def test_it_is_frozen_in_the_plan(study):
    assert study.plan["raters"]["audio_gate"] == ALL_PARTS
    with pytest.raises(StudyNotDraft):
        set_way(study, audio_gate=[])


def test_the_database_holds_an_attempt_once(bob):
    AudioCheck.objects.create(rater=bob, number=1, seed=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        AudioCheck.objects.create(rater=bob, number=1, seed=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        AudioCheck.objects.create(rater=bob, number=2, seed=2, has_passed=True)


def test_the_audit_walks_through_it(study):
    assert [found for found in audit_blinding(study) if found.is_leak] == []
    assert not AudioCheck.objects.exists()


def test_the_audit_finds_headers_that_tell_sounds_apart(study, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.blinding.middleware.number_responses"]
    assert "headers of sounds differ" in {f.what for f in audit_blinding(study)}


def test_the_file_says_which_parts():
    tables = take_way({"raters": {"audio_gate": ["hearing", "ears"]}}, file="s.toml")
    assert tables.settings == {"audio_gate": ["ears", "hearing"]}
    for bad in ("ears", ["nose"], [1], True, [["ears"]]):
        with pytest.raises(InputRefused, match="audio_gate"):
            take_way({"raters": {"audio_gate": bad}}, file="s.toml")


def test_the_form_says_which_parts_and_the_rows_say_what_came_of_it(bob, study):
    client = enter(bob)
    begin(client, bob)
    answer(client, bob)
    answer(client, bob, wrong=2)
    alice = Client()
    alice.force_login(study.owner)
    page = text_of(alice.get(f"/studies/{study.slug}/"))
    assert "failed, try 1 of 2" in page
    page = text_of(alice.get(f"/studies/{study.slug}/raters/{bob.pk}/"))
    assert "Sound check" in page
    assert "6 of 6" in page
    assert "4 of 6" in page
    assert page.count("not answered") == 2
    form = {
        "name": "Sound", "title": "Sounds", "protocol": "mos", "judgments_per_task": 1,
        "prompt_set": study.prompt_set_id, "systems": [s.pk for s in study.systems.all()],
        "audio_gate": ["ears", "antiphase"],
    }  # fmt: skip
    assert alice.post("/studies/new/", form).status_code == 302
    assert Study.objects.get(name="Sound").way.audio_gate == ["antiphase", "ears"]
    page = text_of(alice.post("/studies/new/", {**form, "audio_gate": ["nose"]}))
    assert "nose" in page


def test_the_file_of_a_study_makes_the_gate(tmp_path):
    study = make_study()
    file = tmp_path / "study.toml"
    systems = [s.slug for s in study.systems.all()]
    file.write_text(
        f'name = "Gate"\nprotocol = "mos"\nprompt_set = "{study.prompt_set.slug}"\n'
        f'systems = {systems!r}\n[raters]\naudio_gate = ["ears"]\n'
    )
    call_command("create_study", str(file), "--launch", "--owner", "alice", stdout=StringIO())
    assert Study.objects.get(name="Gate").plan["raters"]["audio_gate"] == ["ears"]
