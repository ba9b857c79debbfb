"""The file of a results store in SQLite, as it is on the disk."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from zoo.results.addresses import sqlite_file


class DatabaseFile:
    """A file that other programs may make, replace or delete at any time.

    Args:
        path: Where it is, or may be one day.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = self._identity()

    def is_there(self) -> bool:
        """Whether something is in it."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    def is_another(self) -> bool:
        """Whether a file of the same name has taken its place since this was asked before."""
        before, self._known = self._known, self._identity()
        return before != self._known

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def database_file(address: sa.URL) -> DatabaseFile | None:
    """That of an address; None for databases in memory, and of servers."""
    path = sqlite_file(address)
    return None if path is None else DatabaseFile(path)
