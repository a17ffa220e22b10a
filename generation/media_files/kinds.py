"""What kind of file some bytes are. Names and endings are never asked: they lie, and they leak."""

from __future__ import annotations

import io
import re
import zipfile

from generation.media_files.refusals import MediaRefused

AUDIO, IMAGE, VIDEO = "audio", "image", "video"
SOUNDS = "WAV, FLAC, Ogg, MP3 or AIFF"
IMAGES = "PNG, JPEG, WebP or GIF"
VIDEOS = "MP4, MOV, WebM or Matroska"
ANY = f"sound ({SOUNDS}), an image ({IMAGES}) or video ({VIDEOS})"

#: Kind by the first bytes; a dot stands for any byte.
_BEGINNINGS = [
    (AUDIO, rb"RIFF....WAVE"),
    (AUDIO, rb"fLaC"),
    (AUDIO, rb"OggS"),
    (AUDIO, rb"ID3"),
    (AUDIO, rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"),
    (AUDIO, rb"FORM....AIF[FC]"),
    (IMAGE, rb"\x89PNG\r\n\x1a\n"),
    (IMAGE, rb"\xff\xd8\xff"),
    (IMAGE, rb"RIFF....WEBP"),
    (IMAGE, rb"GIF8[79]a"),
    (VIDEO, rb"....ftyp"),
    (VIDEO, rb"\x1a\x45\xdf\xa3"),
]
_KINDS = [(kind, re.compile(beginning, re.DOTALL)) for kind, beginning in _BEGINNINGS]
#: What a second reading of the file could be, by what stands at its beginning or its end.
_PAGE = re.compile(rb"<(?:html|script|iframe|\?php)|<!doctype", re.IGNORECASE)
_EDGE = 65_536


def kind_of(content: bytes) -> str:
    """Return audio, image or video; raise `MediaRefused` for all else, and for two at once."""
    if not content:
        raise MediaRefused("the file is empty", expected=ANY)
    kind = next((kind for kind, beginning in _KINDS if beginning.match(content)), "")
    if not kind:
        raise MediaRefused(_what_it_is(content), expected=ANY)
    if also := _also(content):
        raise MediaRefused(f"the file is {kind} and also {also}", expected=f"{kind} and no more")
    return kind


def _what_it_is(content: bytes) -> str:
    head = content[:_EDGE].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "the file is an SVG, which can hold programs"
    if _PAGE.search(head):
        return "the file is a web page"
    return "the file is neither sound nor image nor video"


def _also(content: bytes) -> str:
    """Say what else a program could take the file for; nothing where it is one thing."""
    head, tail = content[:_EDGE], content[-_EDGE:]
    if _PAGE.search(head) or _PAGE.search(tail):
        return "a web page"
    if b"%PDF-" in head[:1024]:
        return "a PDF"
    if zipfile.is_zipfile(io.BytesIO(tail)) or b"PK\x03\x04" in head[:64]:
        return "a zip archive"
    return ""
