"""Files that rows of an import name: kept inside the file's folder, checked, all stored or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from evalsite.lib.tabular import Row
from generation.backends.media import MediaContent
from generation.copies import Intake, limits, save_copy, take_in
from generation.media import described_media, drop_content, put_content, save_media
from generation.media_files.refusals import MediaRefused
from generation.models import Media

_INSIDE = "a path relative to the file, inside its folder"


@dataclass(kw_only=True)
class Shelf:
    """The files of one import, stored as they are checked; their rows come with all others."""

    #: What paths are relative to; None: the rows came without a folder, as over the web.
    folder: Path | None
    _taken: dict[Path, tuple[Media, Media, str]] = field(default_factory=dict)
    _written: list[Media] = field(default_factory=list)

    def take(self, row: Row, column: str) -> Media:
        """Check the file that the row names and store it; return its row, not saved.

        Raises `InputRefused` for a path that leads out of the folder and for an unusable file.
        """
        path = self._path(row, column)
        if path not in self._taken:
            intake = _taken_in(path, row, column)
            original = self._put(intake.original)
            self._taken[path] = original, self._put(intake.copy), intake.recipe
        return self._taken[path][0]

    def save(self) -> None:
        """Save the rows, in the transaction of those that name them. Raises `FileTakenBack`.

        In the order of their hashes, so that two imports never wait for each other in a circle.
        """
        taken = sorted(self._taken.values(), key=lambda found: found[0].sha256)
        rows = {row.sha256: row for original, copy, _ in taken for row in (original, copy)}
        saved = {sha256: save_media(rows[sha256]) for sha256 in sorted(rows)}
        for original, copy, recipe in taken:
            original.pk = saved[original.sha256].pk
            save_copy(saved[original.sha256], recipe, saved[copy.sha256])

    def _put(self, media: MediaContent) -> Media:
        row = described_media(media)
        if put_content(row, media.content):
            self._written.append(row)
        return row

    def _path(self, row: Row, column: str) -> Path:
        name = row.text(column)
        if self.folder is None:
            raise row.refuse(
                f"{column} is given", expected="no files here: import them with manage.py"
            )
        parts = PurePosixPath(name).parts
        if PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
            raise row.refuse(f"{column} is {name!r}", expected=_INSIDE)
        try:
            folder, path = self.folder.resolve(), (self.folder / name).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            raise row.refuse(f"{column} {name!r} is not there", expected=_INSIDE) from None
        if not path.is_relative_to(folder) or not path.is_file():
            raise row.refuse(f"{column} {name!r} is no file in the folder", expected=_INSIDE)
        return path

    def take_back(self) -> None:
        """Remove the files that were stored here and that nobody else has named meanwhile."""
        for row in self._written:
            drop_content(row)


@contextmanager
def media_shelf(folder: Path | None) -> Iterator[Shelf]:
    """Take the files back that were stored, where the import is refused after all."""
    shelf = Shelf(folder=folder)
    try:
        yield shelf
    except BaseException:
        shelf.take_back()
        raise


def _taken_in(path: Path, row: Row, column: str) -> Intake:
    try:
        size, most = path.stat().st_size, limits().bytes
        if size > most:
            raise row.refuse(
                f"{column} has {size / 2**20:.1f} MiB", expected=f"at most {most // 2**20}"
            )
        return take_in(path.read_bytes())
    except OSError as error:
        raise row.refuse(
            f"{column} cannot be read ({error.strerror})", expected="a readable file"
        ) from None
    except MediaRefused as refused:
        raise row.refuse(f"{column}: {refused.wrong}", expected=refused.expected) from None
