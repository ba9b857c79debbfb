"""Battery and load of a page's device, as far as its browser tells."""

from __future__ import annotations

from zoo.contracts import Condition

from .messages import Power

UNKNOWN = "unknown"
_HIGH = ("serious", "critical")


class PowerCourse:
    """What a page has told since it was last asked."""

    def __init__(self) -> None:
        self._told = [Power()]

    def note(self, power: Power) -> None:
        """It tells how its device is now."""
        self._told.append(power)

    def condition(self) -> Condition:
        """How the device is, and what has changed since this was last asked.

        A device that was plugged in or unplugged has another clock than before, which is a fault.
        Pressure is noted alone: what a page sees is a share of all processors.
        """
        course, now = self._told, self._told[-1]
        self._told = [now]
        charging = [each.charging for each in course if each.charging is not None]
        levels = [each.level for each in course if each.level is not None]
        high = [str(each.pressure) for each in course if each.pressure in _HIGH]
        readings = {
            "charging": UNKNOWN if now.charging is None else now.charging,
            "battery_level": UNKNOWN if now.level is None else round(now.level, 3),
            "pressure": max(high, key=_HIGH.index) if high else now.pressure or UNKNOWN,
        }
        faults, hints = [], []
        if len(set(charging)) > 1:
            faults.append("its device was plugged in or unplugged meanwhile")
        if levels and levels[0] != levels[-1]:
            hints.append(f"the battery went from {levels[0]:.0%} to {levels[-1]:.0%} meanwhile")
        if high:
            hints.append(f"its browser reports {readings['pressure']} pressure on the processors")
        if now.charging is False:
            hints.append("the device runs on its battery: plug it in for steadier times")
        return Condition(readings=readings, faults=tuple(faults), hints=tuple(hints))
