"""The energy that a battery gave, from two looks at its gauge: coarse, so for long runs alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.benchmark.process_result import Window
from zoo.contracts import Condition

METER = "battery gauge"
#: A gauge counts in steps, of a milliampere-hour as a rule: of less than ten, one would weigh more
#: than a tenth.
LEAST_UAH = 10_000
#: Joules in a microampere-hour at one millivolt.
_JOULES = 3600e-9


def battery_energy(
    earlier: Condition, later: Condition, windows: Sequence[Window]
) -> tuple[dict[str, Any], ...]:
    """What a battery gave during a long run, told as a meter of the agent tells it.

    Args:
        earlier: Before the run: ``battery_uah`` (what is left), ``battery_mv``, ``charged_by``.
        later: After it.
        windows: Of the run, all of them: whatever disturbed one, the battery paid for it.

    Returns:
        Nothing where the device does not tell, where something charged it, or where it gave too
        little for its gauge.
    """
    looks = [look.readings for look in (earlier, later)]
    if any(look.get("charged_by") != [] for look in looks):
        return ()
    if not all({"battery_uah", "battery_mv"} <= look.keys() for look in looks):
        return ()
    given = looks[0]["battery_uah"] - looks[1]["battery_uah"]
    if given < LEAST_UAH:
        return ()
    volts = (looks[0]["battery_mv"] + looks[1]["battery_mv"]) / 2.0
    return (
        {
            "meter": METER,
            "joules": given * volts * _JOULES,
            "readings": len(looks),
            "seconds": sum(window.seconds for window in windows),
            "inferences": sum(window.runs for window in windows),
        },
    )
