"""What one conversion may use: time, and a share of this machine's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.common.memory import machine_memory
from zoo.common.worker import WorkerLimits

if TYPE_CHECKING:
    from zoo.pipeline.recipe import ConversionLimits

#: Of the machine's memory: what is left keeps the system, and the process that asks, alive.
MEMORY_SHARE = 0.75
_GB = 1_000_000_000


def conversion_limits(asked: ConversionLimits) -> WorkerLimits:
    """The limits of one conversion, in bytes and seconds."""
    own = int(machine_memory() * MEMORY_SHARE)
    memory = own if asked.memory_gb is None else int(asked.memory_gb * _GB)
    return WorkerLimits(seconds=asked.seconds, memory_bytes=memory)
