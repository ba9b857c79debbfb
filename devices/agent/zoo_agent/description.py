"""What the agent tells of itself: its own bytes, the machine and the software."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .common import Json
from .energy import energy_meters
from .machine import cpu, fingerprint
from .runtimes.base import Options
from .runtimes.loading import version_of
from .runtimes.table import REFERENCE, RuntimeDescription
from .system import read_text

VERSION = "1.0"


def own_digest() -> str:
    """SHA-256 of the archive that the agent is, or of its files where it is a folder."""
    place = Path(__file__).parents[1]
    if place.is_file():
        return hashlib.sha256(place.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for path in sorted(place.rglob("*.py")):
        digest.update(path.relative_to(place).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def describe(name: str, runtimes: Sequence[RuntimeDescription], options: Options) -> Json:
    """The machine and the software, as far as they move latencies."""
    model, flags, mhz = cpu()
    versions = {each.name: version_of(each.distributions) for each in runtimes}
    cores = os.cpu_count() or 1
    pinned = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "agent": {
            "version": VERSION,
            "sha256": own_digest(),
        },
        "fingerprint": fingerprint(),
        "cpu": model,
        "flags": flags,
        "cores": cores,
        "affinity": pinned,
        "mhz": mhz,
        "governor": read_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "machine": platform.machine(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "runtime": name,
        "runtime_version": versions.get(name),
        "runtimes": {n: v for n, v in versions.items() if v and n != REFERENCE},
        "options": options._asdict(),
        "energy_meters": [meter.name for meter in energy_meters()],
    }
