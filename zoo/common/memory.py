"""Memory of this machine, of the container around this process, and of the process itself."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psutil

#: Linux' files of the container's memory limit, of what is used of it, and for what.
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_USED = Path("/sys/fs/cgroup/memory.current")
_USES = Path("/sys/fs/cgroup/memory.stat")


def machine_memory() -> int:
    """Memory of this machine, or the container's limit, in bytes."""
    total = int(psutil.virtual_memory().total)
    limit = _number(_CONTAINER)
    return total if limit is None else min(total, limit)


def available_memory() -> int:
    """What processes can take now without anything being swapped out or killed, in bytes."""
    free = int(psutil.virtual_memory().available)
    limit, used = _number(_CONTAINER), _number(_USED)
    if limit is None or used is None:
        return free
    # Files in the cache count as used, and make room when it is needed.
    return max(0, min(free, limit - used + _cached()))


def resident_memory() -> int:
    """Bytes of this process that are in memory now, shared ones included."""
    return int(psutil.Process().memory_info().rss)


def most_resident_memory() -> int:
    """The most that `resident_memory` was since the process began."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def _number(file: Path) -> int | None:
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None


def _cached() -> int:
    try:
        words = _USES.read_text(encoding="ascii").split()
        return int(words[words.index("inactive_file") + 1])
    except (OSError, ValueError, IndexError):
        return 0
