"""Memory of this machine, of the container around this process, and of the process itself."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Where Linux shows control groups, and those of this process.
_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class _Group:
    """Files of a control group, and its name for pages of files, which make room when needed."""

    limit: Path
    used: Path
    uses: Path
    files: str


def machine_memory() -> int:
    """Memory of this machine, or the container's limit, in bytes."""
    limits = (_number(group.limit) for group in _groups())
    known = [one for one in limits if one is not None]
    return min([int(psutil.virtual_memory().total), *known])


def available_memory() -> int:
    """What processes can take now without anything being swapped out or killed, in bytes."""
    free = int(psutil.virtual_memory().available)
    for group in _groups():
        limit, used = _number(group.limit), _number(group.used)
        if limit is not None and used is not None:
            # Files in the cache count as used.
            free = min(free, limit - used + _cached(group))
    return max(0, free)


def resident_memory() -> int:
    """Bytes of this process that are in memory now, shared ones included."""
    return int(psutil.Process().memory_info().rss)


def most_resident_memory() -> int:
    """The most that `resident_memory` was since the process began."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def _groups() -> Iterator[_Group]:
    """The groups around this process, of both versions of Linux' interface, the innermost first."""
    try:
        lines = _OWN.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return
    for kinds, path in (line.split(":", 2)[1:] for line in lines if line.count(":") >= 2):
        if not kinds:
            root, names = _GROUPS, ("max", "current", "stat", "inactive_file")
        elif "memory" in kinds.split(","):
            root = _GROUPS / "memory"
            names = ("limit_in_bytes", "usage_in_bytes", "stat", "total_inactive_file")
        else:
            continue
        # In a container it may be the path outside, of which only the root can be seen.
        parts = [part for part in path.split("/") if part]
        depths = range(len(parts), -1, -1) if ".." not in parts else (0,)
        for folder in (root.joinpath(*parts[:depth]) for depth in depths):
            limit, used, uses = (folder / f"memory.{name}" for name in names[:3])
            yield _Group(limit, used, uses, names[3])


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _cached(group: _Group) -> int:
    try:
        words = group.uses.read_text(encoding="ascii").split()
        return int(words[words.index(group.files) + 1])
    except (OSError, ValueError, IndexError):
        return 0
