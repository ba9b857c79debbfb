"""Whether two measurements may be held against each other, and what differs beside the files."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from zoo.results.measurements import Measurement

#: Of a device's condition, what changes by itself and is no state of its power.
_FLEETING = frozenset({"boot", "throttled", "pressure"})
#: Two recordings between which the machine's own speed changed by more are not compared.
DRIFT = 0.05


def differences(first: Measurement, second: Measurement) -> tuple[str, ...]:
    """What differs beside the files, in words; nothing where like is compared with like."""
    pairs = (
        ("device", first.device, second.device),
        ("machine", first.device_fingerprint, second.device_fingerprint),
        ("runtime", first.runtime, second.runtime),
        ("version of the runtime", first.runtime_version, second.runtime_version),
        ("timed call", first.api, second.api),
        ("threads", first.threads, second.threads),
        ("examples in one inference", first.batch, second.batch),
        ("shape of inputs", first.shape or "the file's own", second.shape or "the file's own"),
        ("ran on", first.delegate, second.delegate),
        ("tier", first.tier, second.tier),
        *_environment_differences(first.environment, second.environment),
    )
    told = [f"{name} {_value_text(a)} against {_value_text(b)}" for name, a, b in pairs if a != b]
    if first.runtime != second.runtime:
        # Another runtime has another version and another call: that is said once.
        told = [t for t in told if not t.startswith(("version of the runtime", "timed call"))]
    return tuple(told)


def drift(first: Measurement, second: Measurement) -> str:
    """Why the machine was not the same at both times; empty when it was, or when nobody knows.

    Each agent runs a fixed piece of work before and after its samples. Where that took longer at
    one time than at the other, so did everything else.
    """
    spins = [_fastest_spin(m) for m in (first, second)]
    same_python = first.environment.get("python") == second.environment.get("python")
    if None in spins or not same_python or first.device_fingerprint != second.device_fingerprint:
        return ""
    before, after = (float(spin or 0) for spin in spins)
    change = after / before - 1.0 if before > 0 else 0.0
    if abs(change) <= DRIFT:
        return ""
    how = "slower" if change > 0 else "faster"
    return (
        f"the machine itself was {abs(change):.0%} {how} the second time, by a fixed piece of work"
    )


def _fastest_spin(m: Measurement) -> float | None:
    """The median over processes of the work's time, in nanoseconds."""
    each = [
        float(min(p["spin_before_ns"], p["spin_after_ns"]))
        for p in m.environment.get("processes", ())
        if "spin_before_ns" in p and "spin_after_ns" in p
    ]
    return median(each) if each else None


def _environment_differences(
    first: Mapping[str, Any], second: Mapping[str, Any]
) -> list[tuple[str, Any, Any]]:
    pairs = [
        (name, first.get(name), second.get(name))
        for name in ("governor", "affinity", "os", "numpy")
    ]
    mine, theirs = _states(first), _states(second)
    pairs += [
        (f"power state: {name}", mine.get(name), theirs.get(name))
        for name in sorted({*mine, *theirs} - {"governor"})
    ]
    return pairs


def _states(environment: Mapping[str, Any]) -> dict[str, str]:
    """What the device told of its state in words or truth values, in all processes together."""
    found: dict[str, set[str]] = {}
    for process in environment.get("processes", ()):
        for readings in process.get("condition", ()):
            for name, value in readings.items():
                if isinstance(value, (str, bool)) and name not in _FLEETING:
                    found.setdefault(name, set()).add(str(value))
    return {name: ", ".join(sorted(values)) for name, values in found.items()}


def _value_text(value: Any) -> str:
    return "unknown" if value is None else str(value)
