"""The content store: files by their SHA-256, and small records that name them, written last."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from zoo.common.errors import BadFile, EnvironmentFailed, UsageError, ZooError
from zoo.common.paths import expanded
from zoo.common.shown_text import printable, without_passwords
from zoo.pipeline.content_store.places import Folder, Place
from zoo.results import formatting as fmt

#: Environment variable: where inputs and finished steps move by.
VARIABLE: Final = "ZOO_ARTIFACTS"
#: Bytes of a record: a hundred thousand files have less.
_MOST_BYTES = 64 << 20
#: Bytes of a name in a folder, as systems have them.
_LONGEST = 255
_SENT_ANEW: Final = "type the command again: what is damaged is sent anew"
_REMOVE: Final = "delete it there, which this machine may not; then type the command again"
_SHA256 = re.compile("[0-9a-f]{64}")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_HALF_URL = re.compile(r"[a-z][a-z0-9+.-]+:/(?!/)", re.IGNORECASE)


@dataclass(frozen=True)
class ContentStore:
    """Files by their SHA-256, and the records that name them.

    A file or record is never changed, only written anew with the same content; a record is
    written when all its files are there.

    Attributes:
        url: As it was given; may hold a password.
        place: Where the files lie.
    """

    url: str
    place: Place

    @property
    def shown(self) -> str:
        """The address for people, without passwords."""
        return printable(without_passwords(self.url))

    def check(self, *, known: bool = False) -> None:
        """Proves that the store can be written and read, before any work.

        Args:
            known: Whether another machine uses it already: a folder that is missing is not made.

        Raises:
            ZooError: It cannot; says why.
        """
        self.place.check(known=known)

    def send_file(self, source: Path, file: FileContent) -> None:
        """Copies a file there, unless one of the same content is there already.

        Raises:
            ZooError: It cannot be read or written.
        """
        if self.place.size(file.name) != file.bytes:
            self.place.send(source, file.name)

    def fetch_file(self, file: FileContent, target: Path) -> None:
        """Copies a file to a new one here, and verifies it.

        Raises:
            BadFile: It is not there, or differs from its SHA-256: then it is removed there, so
                that it is sent anew.
            ZooError: It cannot be read, or written here.
        """
        arrived = self.place.fetch(file.name, target, file.bytes)
        if arrived is not None and (arrived.bytes, arrived.sha256) == (file.bytes, file.sha256):
            return
        gone = arrived is None or self.place.remove(file.name)
        target.unlink(missing_ok=True)
        raise BadFile(
            f"a file in the store {self.shown} is damaged",
            why=f"{file.name} is missing"
            if arrived is None
            else f"{file.name} differs from its SHA-256",
            fix=_SENT_ANEW if gone else _REMOVE,
        )

    def write_record(self, name: str, text: str) -> None:
        """Writes a record; all files that it names are there.

        Raises:
            ZooError: It cannot be written, or is longer than others read.
        """
        data = text.encode("utf-8")
        if len(data) > _MOST_BYTES:
            raise ZooError(
                f"{name} is too long for the store {self.shown}",
                why=f"a record may have {_size(_MOST_BYTES)}; about 400,000 files have more",
                fix="pack the data into fewer files",
            )
        self.place.write(name, data)

    def read_record(self, name: str) -> str | None:
        """A record; None where there is none.

        Raises:
            BadFile: It is too long, or no text.
            ZooError: It cannot be read.
        """
        data = self.place.read(name, _MOST_BYTES)
        if data is None:
            return None
        if len(data) > _MOST_BYTES:
            raise self.damaged(name, f"it has more than {_size(_MOST_BYTES)}")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.damaged(name, f"it is no text: {error}") from error

    def damaged(self, name: str, why: str) -> BadFile:
        """The error for a record that cannot be used; it is removed where that is allowed."""
        gone = self.place.remove(name)
        return BadFile(
            f"{name} in the store {self.shown} is damaged",
            why=why,
            fix=_SENT_ANEW if gone else _REMOVE,
        )


@dataclass(frozen=True, kw_only=True)
class FileContent:
    """What a file holds.

    Attributes:
        bytes: How many.
        sha256: Of them, in hexadecimal.
    """

    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """In the store."""
        return f"files/{self.sha256[:2]}/{self.sha256}"

    @classmethod
    def listed(cls, value: Any) -> FileContent:
        """As a record has it.

        Raises:
            ValueError: It is no such thing.
        """
        size, sha256 = (value.get(key) for key in ("bytes", "sha256"))
        if type(size) is not int or size < 0:
            raise ValueError(f"{size!r} is no number of bytes")
        if not isinstance(sha256, str) or not is_sha256(sha256):
            raise ValueError("a SHA-256 has 64 digits")
        return cls(bytes=size, sha256=sha256)


def listed_files(files: Mapping[str, Any]) -> dict[str, FileContent]:
    """The files that a record names, each with a path that stays in its folder.

    Raises:
        ValueError: A name that leads out of it, or no size and SHA-256.
    """
    found: dict[str, FileContent] = {}
    for name, value in files.items():
        if not stays_inside(name):
            shown = printable(ascii(name))[:_LONGEST]
            raise ValueError(f"it names a file outside its folder, or none: {shown}")
        if not isinstance(value, Mapping):
            raise ValueError(f"it says nothing of {printable(name)}")
        found[name] = FileContent.listed(value)
    folders = {str(folder) for name in found for folder in PurePosixPath(name).parents}
    if doubled := sorted(folders & set(found)):
        raise ValueError(f"{printable(ascii(doubled[0]))[:_LONGEST]} is a file and a folder")
    return found


def is_sha256(text: str) -> bool:
    """Whether it is one, in hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def stays_inside(name: str) -> bool:
    """Whether a relative path with ``/`` names a file in the folder that it is put into.

    None does that leads out of it, by whichever system's rules, or that no file can have.
    """
    path = PurePosixPath(name)
    parts = path.parts
    whole = str(path) == name and bool(parts) and not path.is_absolute()
    try:
        fits = all(len(os.fsencode(part)) <= _LONGEST for part in parts)
    except UnicodeEncodeError:
        return False
    upwards = ".." in re.split(r"[/\\]", name) or name.startswith("\\")
    return whole and fits and not upwards and "\0" not in name


def store_url(given: str | None) -> str | None:
    """The store's address: as it was given, else that of the environment; None without."""
    return given or os.environ.get(VARIABLE) or None


def open_store(url: str) -> ContentStore:
    """The store at a folder, or at an address such as ``s3://bucket/folder``.

    Raises:
        UsageError: No such kind of address.
        MissingExtra: What reads it is not installed.
    """
    scheme = found[1].lower() if (found := _URL.match(url)) else ""
    if scheme in ("", "file"):
        path = url[len("file://") :] if scheme else url
        if not path.strip():
            raise UsageError("--artifacts names no folder", fix="--artifacts PATH or s3://BUCKET")
        if _HALF_URL.match(path):
            whole = path.replace(":/", "://", 1)
            raise UsageError(
                f"--artifacts {printable(without_passwords(path))} is neither a folder nor an "
                "address",
                fix=f"did you mean {printable(without_passwords(whole))}? "
                "A folder of that name: ./ before it",
            )
        return ContentStore(url=url, place=Folder(expanded(path).absolute()))
    from zoo.pipeline.content_store.remote import Bucket

    return ContentStore(url=url, place=Bucket(url))


def _size(count: int) -> str:
    return fmt.size_unit([count]).with_symbol(count)


def content_name(text: str) -> str:
    """The SHA-256 by which a record is found that is named by its content."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def refuse_more_than_fits(folder: Path, files: Mapping[str, FileContent]) -> None:
    """Refuses files that the disk has no room for, before the first is written.

    Raises:
        ZooError: Says how much is missing.
    """
    wanted = sum(file.bytes for file in files.values())
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if wanted > free:
        raise EnvironmentFailed(
            f"{folder} has no room for {_size(wanted)}",
            why=f"{_size(free)} are free on its disk",
            fix="free some space, or set ZOO_HOME to a folder on another disk",
        )
