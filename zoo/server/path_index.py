"""What is at a path of the site, found without a look at everything that is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from zoo.server.catalogue import Catalogue

T = TypeVar("T")


class PathIndex(Generic[T]):
    """Entries of a catalogue by the paths of their pages.

    Args:
        catalogue: When it has read more, the index is made anew.
        entries: All of them.
        path_of: The path of one; of two with the same path the first is found.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        entries: Callable[[], Iterable[T]],
        path_of: Callable[[T], str],
    ) -> None:
        self._catalogue, self._entries, self._path_of = catalogue, entries, path_of
        self._read = -1
        self._found: dict[str, T] = {}

    def at(self, path: str) -> T | None:
        """The entry at a path; None where there is none."""
        if self._read != self._catalogue.read:
            self._found = {}
            for entry in self._entries():
                self._found.setdefault(self._path_of(entry), entry)
            self._read = self._catalogue.read
        return self._found.get(path)
