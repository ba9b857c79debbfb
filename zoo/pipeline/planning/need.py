"""Whether a network must be trained to be quantized at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zoo.pipeline.engine import Finished


def needless(before: Mapping[str, Finished], *, gates: Sequence[str], limit: float | None) -> str:
    """Why the training is superfluous; empty when it is not.

    Args:
        before: Steps that ended, by name.
        gates: Names of those that judged the calibrated files.
        limit: What a file may lose; None: nobody said, and the training was asked for outright.
    """
    if limit is None:
        return ""
    drops = {name: _drop(before[name]) for name in gates}
    if any(drop is None or drop > limit for drop in drops.values()):
        return ""
    lost = ", ".join(f"{name.removeprefix('gate ')} loses {d:.2f}" for name, d in drops.items())
    return f"not needed: after calibration {lost}, and {limit:g} may be lost"


def _drop(gate: Finished) -> float | None:
    """What a calibrated file lost; None when it could not be judged."""
    result = gate.record.result or {}
    return result.get("drop") if gate.record.status in ("passed", "rejected") else None
