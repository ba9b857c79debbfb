"""What one conversion may use: time, and a share of this machine's memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from zoo.isolation import Limits

if TYPE_CHECKING:
    from zoo.recipe import ConversionLimits

#: Of the machine's memory: what is left keeps the system, and the process that asks, alive.
MEMORY_SHARE = 0.75
#: Where Linux tells what the whole container may use.
_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_GB = 1_000_000_000


def conversion_limits(asked: ConversionLimits) -> Limits:
    """The limits of one conversion, in bytes and seconds."""
    own = int(machine_memory() * MEMORY_SHARE)
    memory = own if asked.memory_gb is None else int(asked.memory_gb * _GB)
    return Limits(seconds=asked.seconds, memory_bytes=memory)


def machine_memory() -> int:
    """Bytes of memory that this machine, or the container that we are in, has."""
    total = int(psutil.virtual_memory().total)
    try:
        text = _CONTAINER.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(text)) if text.isdecimal() else total
