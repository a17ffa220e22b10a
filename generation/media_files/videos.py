"""Video, by the programs ffmpeg and ffprobe, where they are installed: measured and written anew.

Every served video is MP4 with H.264 and stereo AAC at 48 kHz, silent where there was no sound. The
programs are under the GPL and run as processes of their own, on files of a name that says nothing,
with no other protocol and no other container than the one that was recognised.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generation.backends.media import MediaContent
from generation.media_files.kinds import VIDEOS
from generation.media_files.refusals import Limits, MediaRefused
from generation.media_files.sounds import HIGHEST_PEAK, SERVED_RATE, loudness_of, read_sound

SERVED_MIME = "video/mp4"
MOST_SECONDS = 1800
#: For what was checked already.
_UNLIMITED = Limits(seconds=1e6)
#: The picture: visually lossless, of even sides, and without the encoder's notes in the stream.
_PICTURE = (
    "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p",
    "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-bsf:v", "filter_units=remove_types=6",
)  # fmt: skip
_SOUND = ("-c:a", "aac", "-b:a", "192k", "-ar", str(SERVED_RATE), "-ac", "2")
_NAMELESS = (
    "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
    "-flags:a", "+bitexact", "-movflags", "+faststart", "-f", "mp4",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Streams:
    """What ffprobe says of a file; `sample_rate` and `channels` are 0 without sound."""

    seconds: float
    width: int
    height: int
    sample_rate: int
    channels: int


def take_video(
    content: bytes, limits: Limits, *, loudness: float | None
) -> tuple[MediaContent, MediaContent]:
    """Return a video as it came, measured, and as it is served, its sound at `loudness` [LUFS].

    Raises `MediaRefused` for what is broken or too long, and where ffmpeg is not installed.
    """
    if not (shutil.which("ffmpeg") and shutil.which("ffprobe")):
        raise MediaRefused("this is a video", expected="ffmpeg, which is not installed")
    _check_whole(content)
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "in", Path(folder) / "out"
        given.write_bytes(content)
        source = ("-protocol_whitelist", "file", "-f", _container(content), "-i", str(given))
        streams = _probed(source, limits)
        measured, gain = _level(source, streams, Path(folder), loudness)
        _ffmpeg(*source, *_tracks(streams, gain), *_PICTURE, *_SOUND, *_NAMELESS, str(made))
        after = _probed(("-f", "mov", "-i", str(made)), _UNLIMITED)
        served = made.read_bytes()
    mime = "video/webm" if _container(content) == "matroska" else SERVED_MIME
    reached = None if measured is None else measured + gain
    return (
        _described(content, mime, streams, measured),
        _described(served, SERVED_MIME, after, reached),
    )


def _check_whole(content: bytes) -> None:
    """Refuse an MP4 whose last box is longer than the file: the programs would take what is there.

    A box is its size in four bytes, its name, its content (ISO/IEC 14496-12, section 4.2); size 1
    says that eight bytes with the size follow, size 0 that it goes to the end.
    """
    at = 0
    while _container(content) == "mov" and at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        if size == 0:
            return
        at += max(size, 8)
    if at > len(content):
        raise MediaRefused(
            f"the video is cut: {len(content)} of {at} bytes", expected="a whole file"
        )


def _container(content: bytes) -> str:
    return "matroska" if content.startswith(b"\x1a\x45\xdf\xa3") else "mov"


def _probed(source: tuple[str, ...], limits: Limits) -> _Streams:
    entries = "format=duration:stream=codec_type,width,height,sample_rate,channels,duration"
    said = _run("ffprobe", "-v", "error", "-of", "json", "-show_entries", entries, *source)
    try:
        found = json.loads(said)
        by_kind = {stream["codec_type"]: stream for stream in reversed(found.get("streams", []))}
        seconds = float(found["format"]["duration"])
        picture, sound = by_kind["video"], by_kind.get("audio", {})
        streams = _Streams(
            seconds=seconds,
            width=int(picture["width"]),
            height=int(picture["height"]),
            sample_rate=int(sound.get("sample_rate", 0)),
            channels=int(sound.get("channels", 0)),
        )
    except (ValueError, KeyError, TypeError):
        raise MediaRefused("the video has no picture, or no length", expected=VIDEOS) from None
    if not 0 < seconds <= limits.seconds:
        raise MediaRefused(
            f"the video is {seconds:.0f} seconds long", expected=f"at most {limits.seconds:g}"
        )
    if streams.width * streams.height > limits.pixels:
        raise MediaRefused(
            f"the video is {streams.width} x {streams.height}",
            expected=f"at most {limits.pixels / 1e6:g} million pixels",
        )
    return streams


def _level(
    source: tuple[str, ...], streams: _Streams, folder: Path, wanted: float | None
) -> tuple[float | None, float]:
    """Return the loudness of the sound [LUFS], None without any, and the gain [dB] to `wanted`."""
    if not streams.channels:
        return None, 0.0
    file = folder / "sound"
    sound = ("-ac", "2", "-ar", str(SERVED_RATE), "-c:a", "pcm_s16le", "-f", "wav")
    _ffmpeg(*source, "-map", "0:a:0", *sound, str(file))
    try:
        heard = read_sound(file.read_bytes(), _UNLIMITED)
    except MediaRefused:  # a track without a sound in it
        return None, 0.0
    measured = loudness_of(heard)
    if wanted is None or measured is None:
        return measured, 0.0
    headroom = 20 * math.log10(HIGHEST_PEAK / float(np.abs(heard.samples).max()))
    return measured, min(wanted - measured, headroom)


def _tracks(streams: _Streams, gain: float) -> tuple[str, ...]:
    if streams.channels:
        return ("-map", "0:v:0", "-map", "0:a:0", "-af", f"volume={gain:.3f}dB")
    silence = ("-f", "lavfi", "-i", f"anullsrc=r={SERVED_RATE}:cl=stereo")
    return (*silence, "-map", "0:v:0", "-map", "1:a:0", "-shortest")


def _ffmpeg(*arguments: str) -> None:
    _run("ffmpeg", "-nostdin", "-v", "error", "-xerror", "-threads", "2", *arguments)


def _run(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            [program, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MediaRefused(
            f"{program} took longer than {MOST_SECONDS // 60} minutes", expected="a shorter video"
        ) from None
    if done.returncode:
        raise MediaRefused(f"the video cannot be read ({_why(done.stderr)})", expected=VIDEOS)
    return done.stdout


def _why(said: str) -> str:
    """Return the last line that is about the file, without addresses in memory and paths."""
    lines = [line.rpartition("] ")[2].strip() for line in said.splitlines() if line.strip()]
    plain = [line for line in lines if "/" not in line]
    return (plain[0] if plain else "it is broken")[:120].rstrip(".")


def _described(
    content: bytes, mime: str, streams: _Streams, loudness: float | None
) -> MediaContent:
    return MediaContent(
        content=content,
        mime=mime,
        seconds=round(streams.seconds, 3),
        sample_rate=streams.sample_rate,
        channels=streams.channels or None,
        loudness=None if loudness is None else round(loudness, 2),
        width=streams.width,
        height=streams.height,
    )
