"""The list of a repository's files, by which whoever pulls them checks each.

A hub gives a SHA-256 of large files alone, and anybody may add files to a repository: only what the
list names is taken, and only as it says.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import ConfigDict, TypeAdapter, ValidationError

from zoo.common.errors import BadFile
from zoo.common.paths import is_name_on_windows

LISTING = "zoo-files.json"
SCHEMA = 1
#: Bytes of a list: ten thousand files have a tenth of that.
MOST_BYTES = 16 << 20
_LONGEST = 240


@dataclass(frozen=True, kw_only=True)
class HubFile:
    """A file of a folder.

    Attributes:
        path: In the folder, with ``/``.
        stored: In the repository; another path where the card has its place there.
        sha256: Of its content, in hex.
        size: In bytes.
    """

    path: str
    stored: str
    sha256: str
    size: int

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, kw_only=True)
class FileListing:
    """All files of a folder.

    Attributes:
        model_id: Of the model.
        files: By path.
        schema: Version of this layout.
    """

    model_id: str
    files: list[HubFile]
    schema: int = SCHEMA

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)


_LISTING = TypeAdapter(FileListing)


def listing_text(listing: FileListing) -> str:
    """The list as JSON, one way to write each."""
    plain = _LISTING.dump_python(listing, mode="json")
    return json.dumps(plain, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read_listing(data: bytes, whence: str) -> FileListing:
    """Reads a list, and refuses paths that would not stay inside a folder.

    Args:
        data: The file's content.
        whence: The repository, for errors.

    Raises:
        BadFile: It is no such list, of a later layout, or names hostile paths.
    """
    fix = "ask whoever pushed it: `zoo push` writes the list"
    try:
        found = _LISTING.validate_json(data)
    except (ValidationError, ValueError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise BadFile(f"{LISTING} of {whence} is no list of files", why=why, fix=fix) from error
    if found.schema != SCHEMA:
        raise BadFile(
            f"{LISTING} of {whence} has the layout {found.schema}, not {SCHEMA}",
            fix="pull it with a newer edgezoo",
        )
    for one in found.files:
        for path in (one.path, one.stored):
            if why := unfit(path):
                raise BadFile(f"{whence} has a file {path[:_LONGEST]!r}", why=why, fix=fix)
        hexadecimal = len(one.sha256) == 64 and set(one.sha256) <= set("0123456789abcdef")
        if not hexadecimal or one.size < 0:
            raise BadFile(f"{LISTING} of {whence} gives no SHA-256 of {one.path}", fix=fix)
    # What is stored elsewhere takes its place there when all files are loaded.
    moved = [f.stored for f in found.files if f.stored != f.path]
    if twice := _colliding([LISTING, *(f.path for f in found.files), *moved]):
        raise BadFile(f"{whence} names {twice!r} twice, or as a file and a folder", fix=fix)
    return found


def unfit(path: str) -> str:
    """Why a path of a repository cannot be one of a folder here; empty where it can."""
    parts = path.split("/")
    if not path or len(path) > _LONGEST:
        return "it is empty or too long"
    if any(not part.isprintable() or part != part.strip() for part in parts):
        return "it has characters that cannot be seen"
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        return "it is hidden, or leads out of its folder"
    marked = any(mark in path for mark in '\\:*?"<>|') or PurePosixPath(path).is_absolute()
    if marked or not all(map(is_name_on_windows, parts)):
        return "it is a name that not every system takes"
    return ""


def _colliding(paths: Collection[str]) -> str:
    """A path that another one is, or lies below, where forms of a letter are one."""
    known = {_form(path) for path in paths}
    seen: set[str] = set()
    for path in paths:
        own = _form(path)
        above = {str(parent) for parent in PurePosixPath(own).parents}
        if own in seen or above & known:
            return path
        seen.add(own)
    return ""


def _form(path: str) -> str:
    """The same for paths that some system takes for one: capitals, composed accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
