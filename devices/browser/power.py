"""Battery and load of a page's device, as far as its browser tells."""

from __future__ import annotations

from zoo.contracts import Condition

from .messages import Power

UNKNOWN = "unknown"
_HIGH = ("serious", "critical")


class PowerCourse:
    """What a page has told since it was last asked."""

    def __init__(self) -> None:
        self._begin(Power())

    def _begin(self, now: Power) -> None:
        self._charging: set[bool] = set()
        self._first_level: float | None = None
        self._high: set[str] = set()
        self.note(now)

    def note(self, power: Power) -> None:
        """It tells how its device is now; a page that is never asked costs no memory for that."""
        self._now = power
        if power.charging is not None:
            self._charging.add(power.charging)
        if self._first_level is None:
            self._first_level = power.level
        if power.pressure in _HIGH:
            self._high.add(power.pressure)

    def condition(self) -> Condition:
        """How the device is, and what has changed since this was last asked.

        A device that was plugged in or unplugged has another clock than before, which is a fault.
        Pressure is noted alone: what a page sees is a share of all processors.
        """
        now, charging, first, high = self._now, self._charging, self._first_level, self._high
        self._begin(now)
        readings = {
            "charging": UNKNOWN if now.charging is None else now.charging,
            "battery_level": UNKNOWN if now.level is None else round(now.level, 3),
            "pressure": max(high, key=_HIGH.index) if high else now.pressure or UNKNOWN,
        }
        faults, hints = [], []
        if len(charging) > 1:
            faults.append("its device was plugged in or unplugged meanwhile")
        if first is not None and now.level is not None and first != now.level:
            hints.append(f"the battery went from {first:.0%} to {now.level:.0%} meanwhile")
        if high:
            hints.append(f"its browser reports {readings['pressure']} pressure on the processors")
        if now.charging is False:
            hints.append("the device runs on its battery: plug it in for steadier times")
        return Condition(readings=readings, faults=tuple(faults), hints=tuple(hints))
