"""Whether a record of a latency holds what a measurement can have found: a store may hold any."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

#: Of a measurement, in milliseconds.
_TIMES = (
    *("load_ms", "first_ms", "dispatch_ms", "p50_ms", "p50_low_ms", "p50_high_ms"),
    *("p90_ms", "p90_low_ms", "p90_high_ms", "p99_ms", "p99_low_ms", "p99_high_ms"),
)


def check_measured(measurement: object, environment: Mapping[str, Any]) -> None:
    """Refuses times that nobody measured, and processes that no reader could read.

    Raises:
        ValueError: Says which.
    """
    times = (getattr(measurement, name) for name in _TIMES)
    if not all(time is None or 0.0 <= time < math.inf for time in times):
        raise ValueError("a time is below 0, or no number")
    processes = environment.get("processes", ())
    if not (_listed(processes) and all(map(_is_process, processes))):
        raise ValueError("of a process neither disturbances nor conditions can be read")


def _listed(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_process(told: object) -> bool:
    """Whether readers of what was counted in a process find it in its place."""
    if not isinstance(told, Mapping):
        return False
    noise, conditions = told.get("noise", ()), told.get("condition", ())
    return (
        _listed(noise) and _listed(conditions) and all(isinstance(c, Mapping) for c in conditions)
    )
