"""What each operator of a file takes, and the energy of an inference: told beside the latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from zoo.results.measurements import Energy


def energy_of(told: Iterable[Mapping[str, Any]]) -> tuple[Energy, ...]:
    """What each meter counted, over all processes; that of the whole board before its parts.

    Args:
        told: By one process each: ``meter``, ``joules``, ``seconds`` and ``inferences``.
    """
    sums: dict[str, list[float]] = {}
    for row in told:
        total = sums.setdefault(str(row["meter"]), [0.0, 0.0, 0.0])
        for place, key in enumerate(("joules", "seconds", "inferences")):
            total[place] += float(row[key])
    found = [
        Energy(
            meter=meter,
            joules=joules,
            mj_per_inference=joules * 1e3 / inferences,
            watts=joules / seconds,
        )
        for meter, (joules, seconds, inferences) in sums.items()
        if seconds > 0.0 and inferences > 0.0
    ]
    return tuple(sorted(found, key=lambda energy: energy.joules, reverse=True))
