"""Energy meters of the machine: processor packages, sensors of boards, batteries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from .common import Json
from .system import read_number, read_text


class Meter:
    """Something that tells energy or power.

    Args:
        name: Whose energy it tells.
        read: Gives microjoules that only grow, or microwatts.
        counts: Whether it counts energy; else it tells power, which is read now and then.
        wraps: Microjoules at which a counter begins anew; 0 for never.
    """

    def __init__(
        self, name: str, read: Callable[[], float | None], counts: bool, wraps: float = 0.0
    ) -> None:
        self.name, self.read, self.counts, self._wraps = name, read, counts, wraps
        self._seen: list[float] = []

    def look(self) -> None:
        """Reads it once more."""
        value = self.read()
        if value is not None:
            self._seen.append(value)

    def used(self, seconds: float, inferences: int) -> Json | None:
        """Energy of the time between the first look and the last; None when it fell silent."""
        import statistics

        if len(self._seen) < 2:
            return None
        if not self.counts:
            used = statistics.mean(self._seen) * seconds
        else:
            used = self._seen[-1] - self._seen[0]
            if used < 0 < self._wraps:
                used += self._wraps
        if used < 0:
            return None
        told = {"meter": self.name, "joules": used * 1e-6, "readings": len(self._seen)}
        return {**told, "seconds": seconds, "inferences": inferences}


def energy_meters(root: str = "/sys/class") -> list[Meter]:
    """What this machine tells: RAPL, INA sensors, and a battery that nothing charges.

    https://docs.kernel.org/power/powercap/powercap.html, hwmon/ina2xx.html and
    admin-guide/abi-testing.html#symbols-under-sys-class (power_supply).
    """
    found = [*_rapl(root), *_sensors(root), *_batteries(root)]
    return [meter for meter in found if meter.read() is not None]


def _rapl(root: str) -> Iterator[Meter]:
    """Processor packages; the parts of one and the whole platform would count twice."""
    for zone in sorted(Path(root).glob("powercap/intel-rapl:*")):
        name = read_text(f"{zone}/name")
        if name.startswith("package"):
            wraps = read_number(zone, "max_energy_range_uj") or 0.0
            yield Meter(f"RAPL {name}", partial(read_number, zone, "energy_uj"), True, wraps)


def _sensors(root: str) -> Iterator[Meter]:
    for chip in sorted(Path(root).glob("hwmon/hwmon*")):
        name = read_text(f"{chip}/name")
        if not name.startswith("ina"):
            continue
        for volts in sorted(chip.glob("in*_input")):
            channel = re.sub(r"\D", "", volts.name)
            if (chip / f"curr{channel}_input").exists():
                rail = read_text(f"{chip}/in{channel}_label") or f"channel {channel}"
                yield Meter(f"{name} {rail}", partial(_millis, chip, channel), False)
        if (chip / "power1_input").exists():
            yield Meter(f"{name} power1", partial(read_number, chip, "power1_input"), False)


def _millis(chip: Path, channel: str) -> float | None:
    """Microwatts of a channel that tells millivolts and milliamperes."""
    volts, amperes = (read_number(chip, f"{kind}{channel}_input") for kind in ("in", "curr"))
    return None if volts is None or amperes is None else volts * amperes


def _batteries(root: str) -> Iterator[Meter]:
    for supply in sorted(Path(root).glob("power_supply/*")):
        if read_text(f"{supply}/type") == "Battery":
            yield Meter(f"battery {supply.name}", partial(_discharge, supply), False)


def _discharge(supply: Path) -> float | None:
    """Microwatts that leave a battery; None while it is charged."""
    if read_text(f"{supply}/status") != "Discharging":
        return None
    power = read_number(supply, "power_now")
    if power is not None:
        return abs(power)
    amperes, volts = read_number(supply, "current_now"), read_number(supply, "voltage_now")
    return None if amperes is None or volts is None else abs(amperes) * volts * 1e-6
