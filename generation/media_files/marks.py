"""What a file says besides its sound or its picture, for an audit that looks for names."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator

import soundfile
from PIL import Image

from generation.media_files.kinds import AUDIO, IMAGE, kind_of

#: Of a format whose parts are not known here, so many bytes at the beginning and at the end.
_HEAD, _TAIL = 65_536, 4_096
_ASCII = bytes(range(128)) + b" " * 128
#: Parts of RIFF, PNG and MP4 that are the sound or the picture itself.
_CONTENT = (b"data", b"VP8 ", b"VP8L", b"ALPH", b"IDAT", b"mdat")


def words_in(content: bytes) -> str:
    """Return all that could be words outside of the sound or the picture."""
    raw = b"\n".join(_parts(content))
    # In UTF-16 every second byte of a Latin word is zero.
    wide = raw.translate(_ASCII, delete=b"\0").decode("ascii")
    text = raw.replace(b"\0", b" ").decode("utf-8", "replace")
    return "\n".join([text, wide, *_image_notes(content)])


def shape_of(content: bytes) -> str:
    """Return in words what a player can tell of the format: codec, rate, channels, colours."""
    kind = kind_of(content)
    if kind == AUDIO:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            return f"{file.format} {file.subtype} {file.samplerate} Hz, {file.channels} channels"
    if kind == IMAGE:
        with Image.open(io.BytesIO(content)) as image:
            return f"{image.format} {image.mode}"
    return _video_shape(content)


def _parts(content: bytes) -> Iterator[bytes]:
    if content[:4] == b"RIFF":
        yield from _chunks(content, at=12, order="little", even=True)
    elif content[:4] == b"\x89PNG":
        yield from _chunks(content, at=8, size_first=True, after=4)
    elif content[4:8] == b"ftyp":
        yield from _chunks(content, at=0, size_first=True, counts_itself=True)
    else:
        yield content[:_HEAD]
        yield content[-_TAIL:]
        if content[-128:-125] == b"TAG":  # ID3v1: the title follows at once
            yield content[-125:]


def _chunks(
    content: bytes,
    *,
    at: int,
    order: str = "big",
    size_first: bool = False,
    counts_itself: bool = False,
    even: bool = False,
    after: int = 0,
) -> Iterator[bytes]:
    """Yield the chunks that are not content: a name and a size of four bytes each, then data.

    `counts_itself`: the size includes its own eight bytes; `after`: bytes of a checksum.
    """
    while at + 8 <= len(content):
        first, second = content[at : at + 4], content[at + 4 : at + 8]
        name, number = (second, first) if size_first else (first, second)
        size = int.from_bytes(number, "little" if order == "little" else "big")
        size = max(size - 8, 0) if counts_itself else size
        if name not in _CONTENT:
            yield content[at + 4 if size_first else at : at + 8 + size]
        at += 8 + size + after + (size % 2 if even else 0)
    yield content[at:]


def _image_notes(content: bytes) -> list[str]:
    """Return what is compressed or encoded in an image's notes."""
    if kind_of(content) != IMAGE:
        return []
    with Image.open(io.BytesIO(content)) as image:
        exif = [f"{value}" for value in image.getexif().values()]
        return [f"{key} {value}" for key, value in image.info.items()] + exif


def _video_shape(content: bytes) -> str:
    """Return codecs, rate and channels by ffprobe; the container alone where it is missing."""
    container = content[8:12].decode("latin-1") if content[4:8] == b"ftyp" else "matroska"
    if not shutil.which("ffprobe"):
        return container
    entries = "stream=codec_name,profile,pix_fmt,sample_rate,channels"
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", entries, "-i", "pipe:0"]
    done = subprocess.run(command, input=content, capture_output=True, check=False)  # noqa: S603
    streams = json.loads(done.stdout or b"{}").get("streams", [])
    said = ["/".join(str(value) for value in stream.values()) for stream in streams]
    return ", ".join([container, *said])
