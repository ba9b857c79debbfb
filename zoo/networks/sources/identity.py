"""Identity of a network from elsewhere: the SHA-256 of its file, or of all files of its folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from zoo.common.errors import BadFile
from zoo.common.files import no_folder, sha256_of

#: Entries of a folder that is one network; more are somebody's home.
_MOST_FILES = 10_000


def identity_of(path: Path, beside: Sequence[Path] = ()) -> str:
    r"""SHA-256 of a file; of a folder, or of several files, that of the list of its files.

    The list has a line for each file, as ``sha256sum`` writes it, with the path inside the folder,
    in the order of these paths' bytes: ``find . -type f -printf '%P\0' | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum``.

    Args:
        path: The file or folder.
        beside: Further files in the folder of a file, or below it.

    Raises:
        BadFile: It cannot be read, or the folder has too many files.
    """
    if no_folder(path):
        if not beside:
            return sha256_of(path)
        root = path.parent
        return _of_list(root, [os.fsencode(os.path.relpath(one, root)) for one in (path, *beside)])
    names: list[bytes] = []
    for folder, _, files in os.walk(path):
        names += [os.fsencode(os.path.relpath(Path(folder, name), path)) for name in files]
        if len(names) > _MOST_FILES:
            raise BadFile(
                f"{path} has more than {_MOST_FILES:,} files",
                why="no network does",
                fix="name the folder that holds the network alone",
            )
    return _of_list(path, names)


def _of_list(root: Path, names: list[bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(sha256_of(root / os.fsdecode(name)).encode() + b"  " + name + b"\n")
    return digest.hexdigest()
