"""What the driver of an NVIDIA GPU tells of its heat, clocks and power."""

from __future__ import annotations

import math
import shutil
from typing import Any

from zoo.common.captured import run_captured
from zoo.contracts import Condition

#: ``nvidia-smi --help-query-gpu`` explains them; each reading by the name that it gets here.
FIELDS = {
    "name": "gpu",
    "driver_version": "driver",
    "temperature.gpu": "gpu_c",
    "clocks.sm": "gpu_mhz",
    "clocks.max.sm": "gpu_most_mhz",
    "power.draw": "gpu_watts",
    "pstate": "gpu_state",
    "clocks_throttle_reasons.active": "gpu_throttled",
}
_WORDS = ("gpu", "driver", "gpu_state", "gpu_throttled")
#: Bits of the last one that slow a running GPU; nvml.h, nvmlClocksThrottleReason*. Idle clocks,
#: clocks that applications or the display ask for, and the sync boost are no throttling.
THROTTLING = {
    0x4: "its power limit",
    0x8: "a hardware slowdown",
    0x20: "heat",
    0x40: "heat, by hardware",
    0x80: "the power supply, by hardware",
}


def nvidia_condition(index: int) -> Condition:
    """Of one GPU; nothing where there is no such driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Condition()
    query = f"--query-gpu={','.join(FIELDS)}"
    command = [program, f"--id={index}", query, "--format=csv,noheader,nounits"]
    try:
        done = run_captured(command, seconds=20.0)
    except OSError:
        return Condition()
    return condition_of(done.out) if done.code == 0 else Condition()


def condition_of(text: str) -> Condition:
    """The condition in one line of ``nvidia-smi``; what the GPU does not tell is left out."""
    values = [value.strip() for value in text.partition("\n")[0].split(",")]
    readings: dict[str, Any] = {}
    if len(values) != len(FIELDS):
        return Condition()
    for name, value in zip(FIELDS.values(), values, strict=True):
        if name in _WORDS:
            if not value.startswith("["):  # [N/A], [Not Supported]
                readings[name] = value
            continue
        try:
            number = float(value)
        except ValueError:
            continue
        if math.isfinite(number):
            readings[name] = number
    return Condition(readings=readings, faults=tuple(_throttling(readings.get("gpu_throttled"))))


def _throttling(bits: str | None) -> list[str]:
    try:
        found = int(bits or "0", 16)
    except ValueError:
        return []
    reasons = [words for bit, words in THROTTLING.items() if found & bit]
    return [f"the GPU is slowed down by {', '.join(reasons)}"] if reasons else []
