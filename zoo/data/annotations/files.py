"""The files of an annotated dataset: nothing outside of its folder is ever looked at."""

from __future__ import annotations

import posixpath
from functools import cached_property
from pathlib import Path

from zoo.common.errors import BadData, UsageError
from zoo.common.files import is_there, no_folder
from zoo.common.paths import expanded
from zoo.common.shown_text import printable
from zoo.data.readers.class_folders import note
from zoo.data.readers.image_files import suffixes
from zoo.data.readers.listing import ListedFile, Listing, list_files, listing_fingerprint

#: Folders of annotations, beside which pictures lie, too.
_BESIDE = {"annotations", "labels", "masks"}
#: A file of annotations with more is none that was written by hand, or for one picture.
MOST_BYTES = 16 << 20


class Files:
    """A folder, or one file of annotations and all that lies beside it.

    Args:
        argument: As the user typed it.

    Attributes:
        root: The folder, absolute, links resolved.
        named: The file that was named, below the root; empty for a folder.
        paths: Every file by its path below the root, in order.

    Raises:
        UsageError: There is nothing.
        BadData: A link leads out of the folder.
    """

    def __init__(self, argument: str) -> None:
        path = expanded(argument)
        if not is_there(path):
            raise UsageError(f"there is no file or folder {argument}", fix="check the path")
        folder = path
        if no_folder(path) is not None:
            folder = path.resolve().parent
            folder = folder.parent if folder.name.lower() in _BESIDE else folder
        self.listing: Listing = list_files(str(folder), None)
        self.root = self.listing.root
        self.paths: dict[str, ListedFile] = {file.path: file for file in self.listing.files}
        self.named = "" if folder == path else path.resolve().relative_to(self.root).as_posix()

    @property
    def fingerprint(self) -> str:
        """Changes with any name, size or time."""
        return f"{self.named} {listing_fingerprint(self.listing)}"

    @cached_property
    def pictures(self) -> list[str]:
        """Paths of all pictures."""
        known = suffixes()
        return [path for path in self.paths if Path(path).suffix.lower() in known]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.pictures:
            found.setdefault(posixpath.basename(path), []).append(path)
        return found

    def text(self, path: str, fix: str = "save it as UTF-8") -> str:
        """What a small file has, as text.

        Args:
            path: One of `paths`.
            fix: What to do where it is no text.

        Raises:
            BadData: It is too large, cannot be read, or is no UTF-8.
        """
        if self.paths[path].size > MOST_BYTES:
            told = f"{printable(path)} has more than {MOST_BYTES:,} bytes"
            raise BadData(told, fix="check the file")
        try:
            return (self.root / path).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            told = f"{printable(path)} cannot be read as text"
            raise BadData(told, why=str(error), fix=fix) from error

    def picture(self, name: str, source: str) -> str | None:
        """The picture that a file of annotations names; None where there is none, or several.

        It is looked for beside the file, below the root and its folders of pictures, and last by
        its name alone.

        Args:
            name: As the file has it.
            source: Path of the file.
        """
        given = posixpath.normpath(name.replace("\\", "/"))
        if given.startswith(("/", "..")) or "\0" in given:
            given = posixpath.basename(given)
        beside = posixpath.dirname(source)
        stem = Path(source).stem.removeprefix("instances_")
        for folder in (beside, "", "images", f"{beside}/images", stem, f"images/{stem}"):
            path = posixpath.normpath(posixpath.join(folder, given))
            if path in self.paths:
                return path
        alone = self._by_name.get(posixpath.basename(given), [])
        return alone[0] if len(alone) == 1 else None

    def unused_note(self, used: list[str]) -> list[str]:
        """Says which pictures no annotation file names."""
        left = sorted({*self.pictures} - {*used})
        return note("pictures without annotations, left out", [printable(path) for path in left])
