"""Media at opaque addresses: whose it is, in parts, and with headers that tell nothing."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from django.utils.timezone import now

from annotation.blinding import blind_task
from annotation.launch import launch_study
from annotation.models import Assignment, Rater
from generation.models import Media, Output, PromptSet, ServedCopy
from tests.annotation.people import HTMX, claimed_by, enter, path_of, text_of, token_on
from tests.factories import make_rater, make_study
from tests.media.makers import judge_url, sine, sound_study, with_reference
from tests.protocols.rating import KINDS

pytestmark = pytest.mark.django_db
REFERENCED = ("dcr", "mushra")


@pytest.fixture
def bob(tmp_path) -> Rater:
    return make_rater(launch_study(sound_study(tmp_path, prompts=3)))


def judging(rater: Rater) -> Client:
    client = enter(rater)
    client.get(judge_url(rater))
    return client


def url_of(rater: Rater, place: object = 0, token: object = "") -> str:
    return path_of(rater) + f"media/{token or claimed_by(rater).token}/{place}/"


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def copy_of(output: Output) -> Media:
    return ServedCopy.objects.get(source=output.media).media


def test_the_page_shows_a_player_for_each_side_and_the_addresses_name_only_places(bob):
    client = enter(bob)
    page = text_of(client.get(judge_url(bob)))
    token = claimed_by(bob).token
    base = f"/rate/{bob.study.public_id}/media/{token}/"
    assert re.findall(r'<audio[^>]* src="([^"]+)"', page) == [base + "0/", base + "1/"]
    for media in Media.objects.all():
        assert media.sha256 not in page


@pytest.mark.parametrize("left", ["a", "b"])
def test_places_are_in_the_order_of_the_screen(bob, left):
    client = judging(bob)
    Assignment.objects.filter(rater=bob).update(left=left)
    task = claimed_by(bob).task
    outputs = [task.output_a, task.output_b]
    if left == "b":
        outputs.reverse()
    for place, output in enumerate(outputs):
        content = body(client.get(url_of(bob, place)))
        assert hashlib.sha256(content).hexdigest() == copy_of(output).sha256


def test_the_headers_are_the_same_for_all_but_the_length(bob):
    client = judging(bob)
    answers = [client.get(url_of(bob, place)) for place in (0, 1)]
    seen = [{k: v for k, v in a.items() if k != "Content-Length"} for a in answers]
    assert seen[0] == seen[1]
    assert seen[0]["Content-Type"] == "audio/wav"
    assert seen[0]["X-Content-Type-Options"] == "nosniff"
    assert seen[0]["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert seen[0]["Cache-Control"] == "private, max-age=3600"
    assert seen[0]["Content-Disposition"] == "inline"
    assert not {"ETag", "Last-Modified", "Set-Cookie", "Location", "Server"} & seen[0].keys()


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=5-999999999", 5, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_player_that_seeks_gets_the_part(bob, asked, first, last):
    client = judging(bob)
    whole = body(client.get(url_of(bob)))
    answer = client.get(url_of(bob), headers={"Range": asked})
    start = first if first >= 0 else len(whole) + first
    stop = len(whole) if last is None else last + 1
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert answer["Content-Length"] == str(stop - start)
    assert body(answer) == whole[start:stop]


@pytest.mark.parametrize(
    "asked", ["bytes=-", "bytes=9-5", "bytes=0-1,5-6", "items=0-1", "bytes=x-", "bytes=1" * 99]
)
def test_a_range_that_is_none_gets_the_whole(bob, asked):
    client = judging(bob)
    answer = client.get(url_of(bob), headers={"Range": asked})
    assert answer.status_code == 200
    assert answer["Content-Length"] == str(len(body(answer)))


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(bob, asked):
    client = judging(bob)
    size = client.get(url_of(bob))["Content-Length"]
    answer = client.get(url_of(bob), headers={"Range": asked})
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{size}")


def test_head_says_how_long_it_is_and_sends_nothing(bob):
    client = judging(bob)
    answer = client.head(url_of(bob))
    assert answer["Content-Length"] == client.get(url_of(bob))["Content-Length"]
    assert answer.content == b""
    assert client.post(url_of(bob)).status_code == 405


def test_a_stranger_and_another_rater_get_nothing(bob):
    judging(bob)
    url = url_of(bob)
    assert Client().get(url).status_code == 404
    carol = judging(make_rater(bob.study, "carol"))
    assert carol.get(url).status_code == 404
    elsewhere = make_rater(launch_study(make_study()), "dave")
    dave = judging(elsewhere)
    assert dave.get(url).status_code == 404
    token = claimed_by(bob).token
    assert dave.get(url_of(elsewhere, 0, token)).status_code == 404


def test_a_revoked_rater_gets_nothing_any_more(bob):
    client = judging(bob)
    url = url_of(bob)
    Rater.objects.filter(pk=bob.pk).update(revoked_at=now())
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("place", ["2", "-1", "00", "reference", "prompt", "a", "0.wav", "٠"])
def test_a_place_that_is_not_on_the_screen_holds_nothing(bob, place):
    client = judging(bob)
    assert client.get(url_of(bob, place)).status_code == 404


def test_only_the_task_on_the_screen_and_the_last_one_can_be_played(bob):
    client = judging(bob)
    urls = []
    for _ in range(3):
        urls.append(url_of(bob))
        page = client.get(judge_url(bob))
        client.post(judge_url(bob), {"token": token_on(page), "choice": "tie"}, headers=HTMX)
    # The second and the third are judged now; the last may still be taken back.
    assert [client.get(url).status_code for url in urls] == [404, 404, 200]


def test_a_task_that_is_taken_back_can_be_played_again(bob):
    client = judging(bob)
    url, page = url_of(bob), client.get(judge_url(bob))
    client.post(judge_url(bob), {"token": token_on(page), "choice": "tie"}, headers=HTMX)
    client.post(path_of(bob, "undo"))
    assert client.get(url).status_code == 200


def test_a_task_whose_time_ran_out_or_that_was_skipped_cannot_be_played(bob):
    client = judging(bob)
    url = url_of(bob)
    Assignment.objects.filter(rater=bob).update(lease_until=now() - timedelta(seconds=1))
    assert client.get(url).status_code == 404
    Assignment.objects.filter(rater=bob).update(lease_until=now() + timedelta(hours=1))
    assert client.get(url).status_code == 200
    client.post(path_of(bob, "skip"), {"token": claimed_by(bob).token})
    assert client.get(url).status_code == 404


def test_a_file_that_is_gone_is_a_plain_404(bob):
    client = judging(bob)
    url = url_of(bob)
    for copy in ServedCopy.objects.select_related("media"):
        default_storage.delete(copy.media.storage_name)
    answer = client.get(url)
    assert (answer.status_code, answer.content) == (404, b"There is nothing here.")


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("criteria", "reason")])
def test_every_protocol_shows_sounds(tmp_path, kind):
    options = {"systems": 2, **KINDS[kind]}
    study = sound_study(tmp_path, **options)
    reference = Output.objects.exclude(media=None).latest("pk").media
    bob = make_rater(with_reference(study, reference))
    client = enter(bob)
    page = text_of(client.get(judge_url(bob)))
    slot = Assignment.objects.select_related("study", "task__prompt").get(rater=bob)
    task = blind_task(slot)
    found = [o.media for o in task.outputs]
    if kind in REFERENCED:
        assert task.reference_media is not None
        found.append(task.reference_media)
    # The sounds of MUSHRA have one desk, not a player each.
    place = "data-signal" if study.protocol == "mushra" else "src"
    for media in found:
        assert media is not None
        assert media.kind == "audio"
        assert f'{place}="{media.url}"' in page
        assert client.get(media.url).status_code == 200
    assert page.count("<audio") == (0 if study.protocol == "mushra" else len(found))


def test_the_prompt_and_its_reference_may_be_sounds_too(tmp_path):
    (tmp_path / "p.wav").write_bytes(sine(hertz=200))
    (tmp_path / "r.wav").write_bytes(sine(hertz=210))
    rows = "id,prompt,media,reference_media\np1,,p.wav,r.wav\n"
    (tmp_path / "p.csv").write_text(rows)
    call_command("import_prompts", tmp_path / "p.csv", prompt_set="spoken", verbosity=0)
    prompts = PromptSet.objects.get(slug="spoken")
    study = sound_study(
        tmp_path, prompts=1, protocol="dcr", prompt_set=prompts, owner=prompts.owner
    )
    bob = make_rater(launch_study(study))
    client = judging(bob)
    assert client.get(url_of(bob, "prompt")).status_code == 200
    assert client.get(url_of(bob, "reference")).status_code == 200
    assert text_of(client.get(judge_url(bob))).count("<audio") == 3
