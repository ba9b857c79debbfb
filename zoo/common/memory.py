"""Memory size of this machine or of the container around this process."""

from __future__ import annotations

from pathlib import Path

import psutil

#: Linux' files of the container's memory limit.
_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def machine_memory() -> int:
    """Memory of this machine, or the container's limit, in bytes."""
    total = int(psutil.virtual_memory().total)
    try:
        text = _CONTAINER.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(text)) if text.isdecimal() else total
