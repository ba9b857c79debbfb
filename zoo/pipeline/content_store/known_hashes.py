"""SHA-256 of files that were sent before, by their size and times, so that none is read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile
from zoo.common.files import sha256_of, write_text
from zoo.common.paths import cache_folder
from zoo.pipeline.content_store.store import FileContent, is_sha256

#: Seconds for which a change may leave the times of a file as they are, on coarse clocks.
_FRESH = 2.0


class KnownHashes:
    """What is known of the files of one folder.

    Args:
        place: The folder, or a file that others lie beside.
    """

    def __init__(self, place: Path) -> None:
        name = hashlib.sha256(os.fsencode(os.path.realpath(place))).hexdigest()[:32]
        self._file = cache_folder() / "inputs" / "sent" / f"{name}.json"
        self._known = _read(self._file)
        self._read: set[str] = set()

    def of(self, files: Mapping[str, Path], *, read: bool) -> dict[str, FileContent]:
        """What files hold, by their names.

        Args:
            files: By name.
            read: Whether to read all that were not read by this object, and not those alone that
                changed.

        Raises:
            BadFile: One cannot be read.
            ZooError: The cache cannot be written.
        """
        found: dict[str, FileContent] = {}
        kept: dict[str, list[str]] = {}
        for name, path in sorted(files.items()):
            stamp, size, changed = _stamp(path)
            known = self._known.get(name)
            trusted = not read or name in self._read
            if known is None or known[0] != stamp or not trusted:
                fresh = abs(time.time() - changed) <= _FRESH
                known = ["" if fresh else stamp, sha256_of(path)]
                self._read.add(name)
            kept[name] = known
            found[name] = FileContent(bytes=size, sha256=known[1])
        if kept != self._known:
            write_text(self._file, json.dumps(kept))
            self._known = kept
        return found


def _stamp(path: Path) -> tuple[str, int, float]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=error.strerror) from error
    parts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return " ".join(map(str, parts)), status.st_size, max(status.st_mtime, status.st_ctime)


def _read(file: Path) -> dict[str, list[str]]:
    """What was kept; nothing where that is damaged."""
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
        plain = {name: [str(stamp), str(sha256)] for name, (stamp, sha256) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: known for name, known in plain.items() if is_sha256(known[1])}
