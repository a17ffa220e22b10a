"""The files of an audit: what they say, and what about them would tell systems apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from annotation.findings import Finding
from annotation.plays import PROMPT, REFERENCE
from annotation.self_naming import says
from generation.backends.media import MediaContent
from generation.media_files.kinds import AUDIO, kind_of
from generation.media_files.marks import shape_of, words_in
from generation.media_files.refusals import Limits, MediaRefused
from generation.media_files.sounds import take_sound

#: LU between the means of two systems that a listener would notice.
HEARD = 1.0
_ANY_LENGTH = Limits(seconds=1e6)
#: What says the length of a file, which cannot be hidden.
_LENGTHS = ("Content-Length", "Content-Range")


@dataclass(kw_only=True)
class MediaAudit:
    """Gathers the files of a crawl by system, and compares them at its end."""

    secrets: list[str]
    #: Kind of file and what is alike -> the systems of which a file had it.
    _shapes: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _headers: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _loudness: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _systems: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def look_at(
        self, url: str, content: bytes, headers: dict[str, str], *, system: str
    ) -> Iterator[Finding]:
        """Look for words in a file, and note its shape; `system` is empty for a prompt's file."""
        try:
            kind, words, shape = kind_of(content), words_in(content), shape_of(content)
        except (MediaRefused, OSError, ValueError, RuntimeError):
            yield Finding(where=f"file of {url}", what="a file that cannot be read", is_leak=True)
            return
        for secret in self.secrets:
            if says(words, secret):
                yield Finding(where=f"file of {url}", what=secret, is_leak=True)
        if not system:
            return
        self._systems[kind].add(system)
        self._shapes[kind, shape].add(system)
        alike = {name: value for name, value in headers.items() if name not in _LENGTHS}
        self._headers[kind, str(sorted(alike.items()))].add(system)
        if kind == AUDIO and (sound := _measured(content)) and sound.loudness is not None:
            self._loudness[system].append(sound.loudness)

    def differences(self) -> Iterator[Finding]:
        """Say what some systems' files have and others' have not."""
        for what, found in (("files", self._shapes), ("headers", self._headers)):
            for (kind, alike), systems in found.items():
                others = self._systems[kind] - systems
                if others:
                    where = f"{what} of {', '.join(sorted(systems))}"
                    yield Finding(where=where, what=alike, is_leak=True)
        means = {system: fmean(values) for system, values in self._loudness.items()}
        if means and max(means.values()) - min(means.values()) > HEARD:
            said = ", ".join(f"{system} {mean:.1f}" for system, mean in sorted(means.items()))
            yield Finding(
                where="loudness of the systems [LUFS]",
                what=said,
                is_leak=False,
                label="Systems are not equally loud",
            )


def repeated_files(where: str, hashes: Mapping[str, str]) -> Iterator[Finding]:
    """Say which places of one screen hold the same bytes, which browsers show to who looks.

    What is equal to the prompt's file or to the open reference is known for what it is. Equal
    outputs give no system away, but a rater should seldom be asked to compare them.
    """
    places: dict[str, list[str]] = defaultdict(list)
    for place, sha256 in hashes.items():
        places[sha256].append(place)
    for same in places.values():
        judged = [place for place in same if place not in (PROMPT, REFERENCE)]
        if len(same) > 1 and judged:
            yield Finding(
                where=where,
                what=f"the same file at {' and '.join(same)}",
                is_leak=judged != same,
                label="Two outputs are one file",
            )


def _measured(content: bytes) -> MediaContent | None:
    try:
        return take_sound(content, _ANY_LENGTH, loudness=None)[0]
    except MediaRefused:
        return None
