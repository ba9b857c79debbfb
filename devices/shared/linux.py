"""What a Linux machine tells of its heat, clock and power, read alike here and far away."""

from __future__ import annotations

import re
from typing import Any

from zoo.contracts import Condition

#: For any POSIX shell, in one line; takes nothing from anybody, prints ``key=value`` lines.
READINGS = (
    "for f in /sys/class/thermal/thermal_zone*/temp; do "
    '[ -r "$f" ] && echo "millidegrees=$(cat "$f" 2>/dev/null)"; done; '
    "for k in governor cur_freq; do f=/sys/devices/system/cpu/cpu0/cpufreq/scaling_$k; "
    '[ -r "$f" ] && echo "$k=$(cat "$f")"; done; '
    "[ -r /proc/sys/kernel/random/boot_id ] && "
    'echo "boot=$(cat /proc/sys/kernel/random/boot_id)"; '
    "command -v vcgencmd >/dev/null 2>&1 && vcgencmd get_throttled 2>/dev/null; true"
)

#: Bits of ``vcgencmd get_throttled``, told again 16 places higher once they were ever set.
#: https://www.raspberrypi.com/documentation/computers/os.html#get_throttled
THROTTLING = {
    0: "under-voltage",
    1: "the clock is capped",
    2: "throttled",
    3: "the soft temperature limit is reached",
}
_SINCE_START = 16
#: Characters of its output that are read, and of one value.
_MOST, _WORD = 1 << 18, 100
_WHOLE, _HEXADECIMAL = re.compile(r"-?[0-9]{1,12}"), re.compile(r"(0x)?[0-9A-Fa-f]{1,16}")


def condition_of(text: str) -> Condition:
    """The condition in the lines that `READINGS` printed; others are passed over."""
    readings: dict[str, Any] = {}
    faults: list[str] = []
    degrees = []
    for line in text[:_MOST].splitlines():
        key, _, value = line.strip().partition("=")
        if key == "millidegrees" and _WHOLE.fullmatch(value):
            degrees.append(int(value) / 1000.0)
        elif key == "governor" and value:
            readings["governor"] = value[:_WORD]
        elif key == "cur_freq" and value.isdecimal() and _WHOLE.fullmatch(value):
            readings["mhz"] = int(value) / 1000.0
        elif key == "boot" and value:
            readings["boot"] = value[:_WORD]
        elif key == "throttled":
            bits = _bits(value)
            readings["throttled"] = None if bits is None else hex(bits)
            faults += throttling(bits)
    if degrees:
        readings["temperature_c"] = max(degrees)
    hints = []
    if readings.get("governor") not in (None, "performance"):
        hints.append(
            f"the governor {readings['governor']!r} changes the clock while it is measured; "
            "`sudo cpupower frequency-set -g performance` holds it"
        )
    return Condition(readings=readings, faults=tuple(faults), hints=tuple(hints))


def throttling(bits: int | None) -> list[str]:
    """Why no time of a Raspberry Pi with these bits can be trusted; nothing for none set.

    Args:
        bits: As the board tells them; None when it told nothing readable.
    """
    if bits is None:
        return ["the board does not tell whether it is throttled"]
    now = [words for bit, words in THROTTLING.items() if bits >> bit & 1]
    past = [words for bit, words in THROTTLING.items() if bits >> (bit + _SINCE_START) & 1]
    past = [words for words in past if words not in now]
    faults = [f"the board reports: {', '.join(now)}"] if now else []
    if past:
        # A bit that is set already cannot tell whether it would have been set by this run.
        faults.append(
            f"since it was started the board has had: {', '.join(past)}; restart it once that "
            "is cured"
        )
    return faults


def _bits(value: str) -> int | None:
    return int(value, 16) if _HEXADECIMAL.fullmatch(value) else None
