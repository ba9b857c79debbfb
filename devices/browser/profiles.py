"""Profiles of browsers without a window: folders that end with their process."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

from zoo.common import processes
from zoo.common.files import write_text

_PREFIX, _OWNERS = "zoo-browser-", "owners.json"
#: Bytes of the file that names the processes, at most.
_MOST = 4096


class Profile:
    """A folder for one browser.

    Attributes:
        folder: Which no other user can read.
    """

    def __init__(self) -> None:
        remove_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._owners: list[tuple[int, float]] = []
        self.used_by(os.getpid())

    def used_by(self, pid: int) -> None:
        """Notes a process, while which runs nobody removes the folder."""
        self._owners.append((pid, processes.began(pid)))
        write_text(self.folder / _OWNERS, json.dumps(self._owners))

    def remove(self) -> None:
        """Removes it; what cannot be removed stays."""
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Removes folders of this user whose processes were all killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    try:
        held = folder.lstat()
        if not stat.S_ISDIR(held.st_mode) or held.st_uid != os.getuid():
            return False
        owners = folder / _OWNERS
        if owners.is_symlink() or owners.stat().st_size > _MOST:
            return False
        # One without the file is being made, or is none of ours.
        noted = [(int(pid), float(began)) for pid, began in json.loads(owners.read_bytes())]
    except (OSError, ValueError, TypeError):
        return False
    return bool(noted) and not any(processes.still_runs(*each) for each in noted)
