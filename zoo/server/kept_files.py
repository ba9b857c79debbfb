"""Files that records name, where the cache of finished steps keeps them, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import Artifact, open_artifact
from zoo.common.errors import ZooError
from zoo.common.files import sha256_of
from zoo.pipeline.step_cache import StepCache
from zoo.registry import Registry
from zoo.server.file_entries import FileEntry

#: Opened files that are remembered.
_REMEMBERED = 64


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """A file that lies where its record says, with the content that its record names."""

    path: Path
    artifact: Artifact


class KeptFiles:
    """Finds files by the record of their gate; never by a path that somebody sends."""

    def __init__(self, cache: StepCache, registry: Registry) -> None:
        self._cache, self._registry = cache, registry
        self._opened: dict[tuple[str, int], KeptFile] = {}

    def path_of(self, entry: FileEntry) -> Path | None:
        """Where an unaltered file is; None where it is no longer kept, or is not as recorded."""
        for path in self._places(entry):
            try:
                plain = path.resolve().parent == path.parent.resolve() and path.is_file()
                if plain and sha256_of(path) == entry.sha256:
                    return path
            except (OSError, ZooError):
                continue
        return None

    def _places(self, entry: FileEntry) -> Iterator[Path]:
        """Where its gates say that it is, the newest first; records may name any path."""
        for gate in reversed(entry.gates):
            if _one_name(gate.key) and _one_name(entry.name):
                yield self._cache.folder / gate.key / entry.name

    def open(self, entry: FileEntry) -> KeptFile | None:
        """The file and its manifest; None where it cannot be read."""
        for path in self._places(entry):
            try:
                stamp = (entry.sha256, path.stat().st_mtime_ns)
            except OSError:
                continue
            if stamp in self._opened:
                return self._opened[stamp]
        path_now = self.path_of(entry)
        if path_now is None:
            return None
        try:
            kept = KeptFile(path=path_now, artifact=open_artifact(self._registry, path_now))
        except ZooError:
            return None
        self._opened[(entry.sha256, path_now.stat().st_mtime_ns)] = kept
        while len(self._opened) > _REMEMBERED:
            del self._opened[next(iter(self._opened))]
        return kept


def _one_name(part: str) -> bool:
    """Whether it is the name of one file or folder, which leads nowhere else."""
    return part not in ("", ".", "..") and not {*part} & {"/", "\\", "\0"}
