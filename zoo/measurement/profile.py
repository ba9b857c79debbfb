"""What each operator of a file takes, and the energy of an inference: told beside the latency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class OperatorTime:
    """One operator of a profile.

    Attributes:
        name: Of what it makes, or of its node.
        operator: Its kind, as the runtime calls it.
        executor: The delegate or execution provider that computes it; ``built-in`` for neither.
        ms: Time of one inference. A difference of two times may be below zero, which says that
            the operator takes less than the clock can tell.
    """

    name: str
    operator: str
    executor: str
    ms: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What the operators of a file take, one by one.

    Attributes:
        method: How it was found out; figures of different methods must not be compared.
        operators: In the order of execution.
    """

    method: str
    operators: tuple[OperatorTime, ...]

    def slowest(self) -> list[tuple[OperatorTime, float]]:
        """The operators, the slowest first, each with its share of the whole, 0 to 1."""
        whole = sum(max(0.0, row.ms) for row in self.operators) or 1.0
        ordered = sorted(self.operators, key=lambda row: row.ms, reverse=True)
        return [(row, max(0.0, row.ms) / whole) for row in ordered]


@dataclass(frozen=True, kw_only=True)
class Energy:
    """What one meter counted, over all processes.

    Attributes:
        meter: Whose energy: ``RAPL package-0``, ``ina3221 VDD_IN``, ``battery BAT0``. Everything
            behind the meter counts, and idle power too.
        joules: Of the whole sampling.
        mj_per_inference: Of one inference, in millijoules.
        watts: Mean power.
    """

    meter: str
    joules: float
    mj_per_inference: float
    watts: float


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
