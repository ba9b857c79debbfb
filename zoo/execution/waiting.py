"""Whether a process of this machine had a processor when it needed one."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

#: Share of its running time that a process may wait for a processor, as `zoo bench` has it.
WAITING = 0.03
#: Share of one core that a hypervisor may give to others, likewise.
STEAL = 0.02


@dataclass(frozen=True)
class ProcessorTime:
    """Counters of the kernel, in seconds; zeros where it has none.

    Attributes:
        ran: Of this thread, on a processor.
        waited: Of this thread, ready to run without one.
        stolen: Of all processors, by a hypervisor.
        clock: Since some moment.
    """

    ran: float
    waited: float
    stolen: float
    clock: float

    @classmethod
    def now(cls) -> ProcessorTime:
        """Read from /proc, where there is one."""
        ran, waited = _numbers(f"/proc/self/task/{threading.get_native_id()}/schedstat", 2)
        ticks = _numbers("/proc/stat", 9)
        stolen = ticks[8] / os.sysconf("SC_CLK_TCK") if ticks[8] else 0.0
        return cls(ran / 1e9, waited / 1e9, stolen, os.times().elapsed)

    def disturbances(self, before: ProcessorTime) -> tuple[str, ...]:
        """What disturbed the work since `before`, in words; nothing when it was quiet."""
        ran, waited = self.ran - before.ran, self.waited - before.waited
        waiting = waited / (ran + waited) if ran + waited > 0 else 0.0
        steal = (self.stolen - before.stolen) / max(self.clock - before.clock, 1e-9)
        told = []
        if waiting > WAITING:
            told.append(f"it waited for a processor {waiting:.0%} of the time")
        if steal > STEAL:
            told.append(f"the hypervisor took {steal:.0%} of a core for others")
        return tuple(told)


def _numbers(path: str, count: int) -> list[float]:
    """The first numbers of a file's first line; a word in front of them counts as a zero."""
    try:
        words = Path(path).read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        words = []
    numbers = [float(word) if word.isdecimal() else 0.0 for word in words[:count]]
    return numbers + [0.0] * (count - len(numbers))
