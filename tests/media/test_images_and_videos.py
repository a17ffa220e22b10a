"""Images and videos: written anew so that nothing but the picture and the sound is left."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from generation.media_files import videos
from generation.media_files.images import take_image
from generation.media_files.kinds import kind_of
from generation.media_files.refusals import Limits, MediaRefused
from generation.media_files.videos import take_video
from tests.media.makers import sine

LIMITS = Limits(seconds=20, pixels=1_000_000)


def picture(format: str = "PNG", mode: str = "RGB", size=(8, 6), **options) -> bytes:
    image = Image.new("RGB", size, (200, 30, 60))
    image.putpixel((0, 0), (0, 0, 255))
    content = io.BytesIO()
    image.convert(mode).save(content, format, **options)
    return content.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("PNG", "I;16"),
        ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("GIF", "P"),
    ],
)  # fmt: skip
def test_every_image_is_served_alike(format, mode):
    original, served = take_image(picture(format, mode), LIMITS)
    image = opened(served.content)
    assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (8, 6), {})
    assert (original.width, original.height, original.seconds) == (8, 6, 0)
    assert kind_of(original.content) == kind_of(served.content) == "image"


def test_pixels_are_kept_and_what_is_transparent_stands_on_white():
    _, served = take_image(picture(), LIMITS)
    assert opened(served.content).getpixel((0, 0)) == (0, 0, 255)
    clear = io.BytesIO()
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(clear, "PNG")
    _, served = take_image(clear.getvalue(), LIMITS)
    assert opened(served.content).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_become_eight_and_not_white():
    content = io.BytesIO()
    Image.fromarray(np.full((2, 2), 0x8080, np.uint16)).save(content, "PNG")
    _, served = take_image(content.getvalue(), LIMITS)
    assert opened(served.content).getpixel((0, 0)) == (128, 128, 128)


def test_exif_and_profiles_are_applied_and_gone():
    exif = Image.Exif()
    exif[0x0131], exif[0x0112] = "Aurora 7", 6  # the software, and: turn by 90 degrees
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tagged = picture("JPEG", exif=exif, icc_profile=profile)
    assert b"Aurora 7" in tagged
    _, served = take_image(tagged, LIMITS)
    assert b"Aurora" not in served.content
    assert b"Exif" not in served.content
    assert (served.width, served.height) == (6, 8)


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it has that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\x00" * 10_000))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


WEBP = picture("WEBP")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(2_000, 1_000), "2 million pixels; expected at most 1 million"),
        (bomb(12_000, 9_000), "108 million pixels"),  # Pillow would warn
        (bomb(60_000, 60_000), "pixels; expected at most 1 million"),  # Pillow would raise
        (bomb(500, 500), "the image cannot be read"),
        (picture("PNG", size=(300, 300))[:200], "the image cannot be read"),
        (picture("JPEG")[:100], "the image cannot be read"),
        (WEBP[:30], "the image cannot be read"),
        (b"GIF89a" + b"\x00" * 20, "the image cannot be read"),
    ],
)
def test_an_image_that_cannot_be_used_is_refused_with_the_reason(content, words):
    with pytest.raises(MediaRefused, match=words):
        take_image(content, LIMITS)


def test_an_image_that_moves_is_refused():
    content = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(MediaRefused, match="the image moves; expected a still image, or a video"):
        take_image(content.getvalue(), LIMITS)


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"PK\x05\x06" + b"\x00" * 18, "image and also a zip archive"),
        (b"<!doctype html><p>", "image and also a web page"),
        (b"<SCRIPT>", "image and also a web page"),
    ],
)
def test_an_image_that_is_also_something_else_is_refused(tail, words):
    with pytest.raises(MediaRefused, match=words):
        kind_of(picture() + tail)


# Video


def film(
    folder, *, seconds: float = 1, name: str = "film.mp4", sound: bool = True, **more
) -> bytes:
    if not shutil.which("ffmpeg"):
        if os.environ.get("CI") == "true":
            pytest.fail("no ffmpeg on this machine")
        pytest.skip("no ffmpeg on this machine")
    rate, size = more.get("rate", 10), more.get("size", "33x24")
    source = ["-f", "lavfi", "-i", f"testsrc=size={size}:rate={rate}:duration={seconds}"]
    if sound:
        source += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    tags = ["-metadata", "title=Aurora 7", "-metadata", "comment=aurora-seven"]
    tags += ["-metadata:s:v", "handler_name=Aurora 7", "-metadata:s:v", "title=Aurora 7"]
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *source, *tags, "-shortest", str(folder / name)], check=True
    )
    return bytes((folder / name).read_bytes())


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv", "film.webm"])
def test_every_video_is_served_alike_and_names_nothing(tmp_path, name):
    content = film(tmp_path, name=name)
    assert b"Aurora 7" in content
    original, served = take_video(content, LIMITS, loudness=-23.0)
    assert kind_of(content) == kind_of(served.content) == "video"
    assert served.mime == "video/mp4"
    assert (served.width, served.height) == (32, 24)
    assert (served.sample_rate, served.channels) == (48_000, 2)
    assert served.seconds == pytest.approx(original.seconds, abs=0.15)
    assert served.loudness == pytest.approx(-23, abs=0.1)
    for word in (b"aurora", b"lavf", b"x264 - core"):
        assert word not in served.content.lower()


def test_a_silent_video_gets_a_silent_track_so_that_it_has_the_same_shape(tmp_path):
    original, served = take_video(film(tmp_path, sound=False), LIMITS, loudness=-23.0)
    assert (original.sample_rate, original.loudness) == (0, None)
    assert (served.sample_rate, served.channels, served.loudness) == (48_000, 2, None)


def test_the_sound_of_a_video_is_as_loud_as_it_says(tmp_path):
    _, served = take_video(film(tmp_path), LIMITS, loudness=-30.0)
    again, _ = take_video(served.content, LIMITS, loudness=None)
    assert again.loudness == pytest.approx(-30, abs=0.5)


def test_four_hours_are_refused_before_anything_is_decoded(tmp_path, monkeypatch):
    content = film(tmp_path, seconds=4 * 3600, rate="1/60", sound=False, size="16x16")
    monkeypatch.setattr(videos, "_ffmpeg", lambda *_: pytest.fail("decoded"))
    with pytest.raises(MediaRefused, match=r"14400 seconds long; expected at most 20"):
        take_video(content, LIMITS, loudness=None)


def test_a_video_of_too_many_pixels_is_refused(tmp_path):
    with pytest.raises(MediaRefused, match="1200 x 1000; expected at most 1 million pixels"):
        take_video(film(tmp_path, size="1200x1000", seconds=0.2), LIMITS, loudness=None)


def test_a_broken_video_is_refused_with_the_reason(tmp_path):
    content = film(tmp_path)
    for broken in (content[:100], content[:-600], b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 99):
        with pytest.raises(MediaRefused, match="the video ") as refused:
            take_video(broken, LIMITS, loudness=None)
        assert "/" not in str(refused.value).partition(";")[0]  # no path of this machine


def test_a_sound_in_the_clothes_of_a_video_is_refused(tmp_path):
    film(tmp_path)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "film.mp4"), "-vn",
         str(tmp_path / "sound.mp4")], check=True,
    )  # fmt: skip
    with pytest.raises(MediaRefused, match="no picture"):
        take_video((tmp_path / "sound.mp4").read_bytes(), LIMITS, loudness=None)


def test_without_ffmpeg_a_video_is_refused_and_told_what_is_missing(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MediaRefused, match="this is a video; expected ffmpeg, which is not inst"):
        take_video(b"\x00\x00\x00\x18ftypmp42", LIMITS, loudness=None)


def test_the_name_of_a_file_says_nothing_about_its_kind():
    assert kind_of(sine()) == "audio"
    assert kind_of(picture("JPEG")) == "image"
