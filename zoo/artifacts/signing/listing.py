"""Which files a signature covers, and where it lies."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from zoo.common.errors import BadFile

SUFFIX = ".sig"
#: Covers everything else in its folder.
FOLDER_SIGNATURE = "model.sig"


def signature_of(file: Path) -> Path:
    """Where the signature of an exported file lies."""
    return file.with_name(file.name + SUFFIX)


def nearest_signature(target: Path) -> Path | None:
    """The signature of a file or folder; of a file also that of its folder, or of the bundle."""
    if target.is_dir():
        places = [target / FOLDER_SIGNATURE]
    else:
        folder = target.absolute().parent
        places = [
            signature_of(target),
            folder / FOLDER_SIGNATURE,
            folder.parent / FOLDER_SIGNATURE,
        ]
    return next((place for place in places if place.is_file()), None)


def folder_files(folder: Path) -> list[Path]:
    """All files in a folder and below, but its own signature.

    Raises:
        BadFile: A link or something else that is no file is among them, a name cannot be written
            down, or a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise BadFile(f"{error.filename} cannot be read", why=error.strerror) from error

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        for name in folders:
            if Path(place, name).is_symlink():
                require_plain(Path(place, name))
        found += [Path(place, name) for name in names]
    own = folder / FOLDER_SIGNATURE
    files = sorted(file for file in found if file != own)
    for file in files:
        require_plain(file)
    return files


def require_plain(file: Path) -> None:
    """Refuses what is no regular file.

    Raises:
        BadFile: It is a link, a pipe or a device, is not there, or its name is not UTF-8.
    """
    try:
        mode = file.lstat().st_mode
    except OSError as error:
        raise BadFile(f"{file} cannot be read", why=error.strerror) from error
    if stat.S_ISLNK(mode):
        raise BadFile(
            f"{file} is a link",
            why="what it leads to can be exchanged without a trace in what is signed",
            fix="put the file itself there",
        )
    if not stat.S_ISREG(mode):
        raise BadFile(f"{file} is no file", why="a signature covers files alone", fix="remove it")
    try:
        str(file).encode()
    except UnicodeEncodeError as error:
        raise BadFile(
            f"the name of {file} is not UTF-8", why="a signature cannot name it", fix="rename it"
        ) from error
