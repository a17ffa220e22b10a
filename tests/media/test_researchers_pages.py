"""What researchers see of media: outputs played and measured, and what to look out for."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from django.test import Client

from annotation.exceptions import StudyNotReady
from annotation.launch import launch_problems, launch_study
from annotation.models import Study
from annotation.redaction import screen_outputs
from annotation.study_media import media_warnings
from annotation.way import set_way
from generation.models import Output, ServedCopy, System
from tests.factories import make_output, make_study, make_user
from tests.media.makers import import_media, sine, sound_study
from tests.media.test_images_and_videos import picture

pytestmark = pytest.mark.django_db


def signed_in(name: str = "alice") -> Client:
    client = Client()
    client.force_login(make_user(name))
    return client


def body(response) -> bytes:
    return b"".join(response)


def test_an_output_is_played_with_what_was_measured(tmp_path):
    sound_study(tmp_path)
    output = Output.objects.filter(system__slug="system-1").first()
    page = signed_in().get(f"/outputs/{output.pk}/").content.decode()
    assert f'src="/outputs/{output.pk}/media/"' in page
    assert "1.0 s, 16000 Hz mono, " in page
    assert " LUFS" in page
    assert "Raters get a copy without metadata (wav 48000 stereo, -23 LUFS)" in page
    assert "48000 Hz stereo, \N{MINUS SIGN}23.0 LUFS" in page


def test_the_original_is_sent_to_its_owner_in_parts_and_to_nobody_else(tmp_path):
    study = make_study(systems=1, prompts=1)
    import_media(study, tmp_path, {study.systems.get().slug: [sine()]})
    url = f"/outputs/{Output.objects.get().pk}/media/"
    whole = signed_in().get(url)
    assert body(whole) == sine()
    assert whole["Content-Security-Policy"] == "default-src 'none'; sandbox"
    part = signed_in().get(url, headers={"Range": "bytes=0-3"})
    assert (part.status_code, body(part)) == (206, b"RIFF")
    assert signed_in("charlie").get(url).status_code == 404
    assert Client().get(url).status_code == 302


def test_an_image_is_shown_on_its_page_and_in_the_list(tmp_path):
    study = make_study(systems=1, prompts=1)
    import_media(study, tmp_path, {study.systems.get().slug: [picture("JPEG")]})
    output = Output.objects.get()
    for url in (f"/outputs/{output.pk}/", f"/prompt-sets/{study.prompt_set.slug}/outputs/"):
        page = signed_in().get(url).content.decode()
        assert f'<img src="/outputs/{output.pk}/media/"' in page
        assert "8 × 6" in page
        assert "empty" not in page


def draft(tmp_path, one: list[bytes], two: list[bytes]) -> Study:
    study = make_study()
    first, second = study.systems.order_by("pk")
    import_media(study, tmp_path, {first.slug: one, second.slug: two})
    return study


def test_systems_of_very_different_lengths_are_a_warning(tmp_path):
    study = draft(tmp_path, [sine(1)] * 2, [sine(1.6)] * 2)
    [warning] = media_warnings(study)
    assert warning == (
        "What System 2 made lasts 1.6 s on average, what System 1 made 1.0 s: raters may judge the "
        "length."
    )
    page = signed_in().get(f"/studies/{study.slug}/").content.decode()
    assert "raters may judge the length" in page
    assert media_warnings(draft(tmp_path, [sine(1)] * 2, [sine(1.2)] * 2)) == []


def test_images_of_different_sizes_are_a_warning(tmp_path):
    study = draft(tmp_path, [picture()] * 2, [picture(size=(16, 9))] * 2)
    [warning] = media_warnings(study)
    assert "Sizes tell systems apart: System 1 8 x 6; System 2 16 x 9" in warning


def test_a_sound_that_its_peaks_keep_quiet_is_a_warning(tmp_path):
    # A click in near silence: as loud as its peak allows, and far below the rest.
    samples = np.zeros(48_000)
    samples[24_000:24_004] = 0.9
    content = io.BytesIO()
    soundfile.write(content, samples, 48_000, format="WAV")
    study = draft(tmp_path, [sine()] * 2, [content.getvalue()] * 2)
    assert any("stay quieter than -23 LUFS" in warning for warning in media_warnings(study))


def test_a_study_of_texts_has_no_warning():
    assert media_warnings(make_study()) == []


def test_outputs_of_several_kinds_on_one_prompt_keep_a_study_from_launch(tmp_path):
    study = sound_study(tmp_path)
    gone = Output.objects.filter(system__slug="system-2").first()
    Output.objects.filter(pk=gone.pk).delete()
    make_output(system=gone.system, prompt=gone.prompt)
    [problem] = launch_problems(study)
    assert problem == "1 prompts have outputs of several kinds; p1 has audio and text."
    with pytest.raises(StudyNotReady, match="several kinds"):
        launch_study(study)
    screen_outputs(study, words=[], left_out=["p1"])
    assert launch_problems(study) == []


def test_another_loudness_waits_for_sounds_that_are_still_being_made(tmp_path):
    study = sound_study(tmp_path)
    late = Output.objects.filter(system__slug="system-2").first()
    Output.objects.filter(pk=late.pk).delete()
    System.objects.filter(slug="system-2").update(backend="speech", model="flite:slt")
    make_output(system=late.system, prompt=late.prompt, state="pending", text="")
    assert launch_problems(study) == []
    set_way(study, loudness=-30.0)
    [problem] = launch_problems(study)
    assert "1 sounds are still being made" in problem


def test_launch_makes_the_copies_that_the_study_needs(tmp_path):
    study = sound_study(tmp_path)
    assert {copy.recipe for copy in ServedCopy.objects.all()} == {"wav 48000 stereo, -23 LUFS"}
    set_way(study, loudness=None)
    launch_study(study)
    recipes = [copy.recipe for copy in ServedCopy.objects.order_by("pk")]
    assert recipes.count("wav 48000 stereo, as it is") == 4


def test_the_form_sets_loudness_and_playing():
    study = make_study()
    client = signed_in()
    systems = [system.pk for system in study.systems.all()]
    fields = {
        "name": "New", "title": "Voices", "protocol": "pairwise", "systems": systems,
        "prompt_set": study.prompt_set.pk, "judgments_per_task": 1, "must_play": "on",
    }  # fmt: skip
    assert client.post("/studies/new/", fields).status_code == 302
    way = Study.objects.latest("pk").way
    assert (way.loudness, way.must_play) == (None, True)
    client.post("/studies/new/", {**fields, "same_loudness": "on", "must_play": ""})
    way = Study.objects.latest("pk").way
    assert (way.loudness, way.must_play, way.pk) == (-23.0, False, None)
