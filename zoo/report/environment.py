"""What latencies were taken on, as a table of names and texts."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from zoo.common.versions import versions_of
from zoo.results import formatting as fmt
from zoo.results.disturbances import worst_of_each

_NAMES = {
    "cpu": "processor",
    "flags": "instruction sets",
    "mhz": "clock, MHz",
    "affinity": "cores allowed",
    "memory_bytes": "memory, GB",
    "machine": "architecture",
    "os": "operating system",
    "runtime_version": "runtime’s version",
    "runtimes": "runtimes installed",
    "energy_meters": "energy meters",
}


def environment_rows(environment: object) -> dict[str, str]:
    """Name → text; tables within are written out, and what each process counted is summed up.

    What a record has in the place of an environment is shown, too.
    """
    rows: dict[str, str] = {}
    if not isinstance(environment, Mapping):
        return {"environment": text} if (text := _text(environment)) else {}
    for key, value in environment.items():
        if key == "processes" and isinstance(value, list) and all(map(_is_table, value)):
            rows |= _processes(value)
        elif key == "memory_bytes" and isinstance(value, int | float):
            rows[_NAMES[key]] = fmt.number(value / 1e9)
        elif text := _text(value):
            rows[_NAMES.get(key, str(key).replace("_", " "))] = text
    return rows


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("noise", []), list | tuple)


def _text(value: Any) -> str:
    """Without Python's brackets and quotes; empty for what holds nothing."""
    if isinstance(value, Mapping):
        named = ((str(key).replace("_", " "), _text(inner)) for key, inner in value.items())
        return ", ".join(f"{key} {text}" for key, text in named if text)
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_text, value)))
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return fmt.number(value, 4)
    return "" if value is None else str(value)


def _processes(processes: list[Any]) -> dict[str, str]:
    """How many there were, and each kind of disturbance with its largest figure."""
    noise = [reason for one in processes for reason in one.get("noise", ())]
    told = {"processes": str(len(processes))}
    return told | ({"disturbances": "; ".join(worst_of_each(noise))} if noise else {})


#: Packages that decide figures, beside edgezoo itself.
_DECIDE = (
    *("ai-edge-litert", "keras", "numpy", "onnx", "onnxruntime", "openvino", "scikit-learn"),
    *("tensorflow", "tf2onnx", "torch"),
)


def label(name: str) -> str:
    """A name as a heading; packages keep their own spelling."""
    return name if name in (*_DECIDE, "edgezoo") else fmt.heading(name)


def versions_here() -> dict[str, str]:
    """Python, the system, and the packages of this process that decide figures."""
    own = {"Python": platform.python_version(), "operating system": platform.platform(terse=True)}
    return {**versions_of(_DECIDE), **own}
