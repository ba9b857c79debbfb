"""What the user's cache holds, and removing it; all of it can be fetched or made again."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import UnknownName
from zoo.common.paths import cache_folder
from zoo.pipeline.step_cache import step_cache

#: Locks may be held now; they are empty files.
_KEPT = frozenset({"locks"})
_DAY = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class CacheUsage:
    """One folder of the cache; that of finished steps by kind of step.

    Attributes:
        folder: ``steps``, ``weights`` and others.
        kind: Of step, in ``steps``; empty elsewhere.
        entries: Steps; files and folders at its top elsewhere.
    """

    folder: str
    kind: str = ""
    entries: int
    bytes: int


def cache_usage() -> list[CacheUsage]:
    """All folders that hold something, by name."""
    steps = step_cache()
    rows = []
    for folder in cache_folders():
        if folder == steps.folder:
            found = list(steps.entries())
            sizes: Counter[str] = Counter()
            for entry in found:
                sizes[entry.kind] += entry.bytes
            counts = Counter(entry.kind for entry in found)
            rows += [
                CacheUsage(folder=folder.name, kind=kind, entries=counts[kind], bytes=sizes[kind])
                for kind in sorted(counts)
            ]
            continue
        inside = list(folder.iterdir())
        if inside:
            size = sum(map(_bytes, inside))
            rows.append(CacheUsage(folder=folder.name, entries=len(inside), bytes=size))
    return rows


def clear_cache(folders: Sequence[str] = (), older_than_days: float = 0.0) -> tuple[int, int]:
    """Removes entries of the cache; returns how many, and their bytes.

    No other command of the zoo may run meanwhile.

    Args:
        folders: Names of folders of the cache; none means all.
        older_than_days: Only what was last written longer ago.

    Raises:
        UnknownName: The cache has no such folder.
    """
    known = {folder.name: folder for folder in cache_folders()}
    for name in folders:
        if name not in known:
            raise UnknownName("folder of the cache", name, known)
    before = time.time() - older_than_days * _DAY
    removed = freed = 0
    for name in folders or known:
        for entry in list(known[name].iterdir()):
            if older_than_days and _newest(entry) > before:
                continue
            size = _bytes(entry)
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
            if not entry.exists():
                removed, freed = removed + 1, freed + size
    return removed, freed


def cache_folders() -> list[Path]:
    """Folders of the cache that can be removed, by name."""
    root = cache_folder()
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and p.name not in _KEPT)


def _files(entry: Path) -> list[Path]:
    if entry.is_symlink() or not entry.is_dir():
        return [entry]
    return [p for p in entry.rglob("*") if p.is_symlink() or not p.is_dir()]


def _bytes(entry: Path) -> int:
    size = 0
    for file in _files(entry):
        with contextlib.suppress(OSError):
            size += file.lstat().st_size
    return size


def _newest(entry: Path) -> float:
    newest = entry.lstat().st_mtime
    for file in _files(entry):
        with contextlib.suppress(OSError):
            newest = max(newest, file.lstat().st_mtime)
    return newest
