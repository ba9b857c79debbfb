"""What an Android phone tells of its heat, battery and radio, and how its clocks are held."""

from __future__ import annotations

import re
from typing import Any

from zoo.contracts import Condition

#: For the phone's own shell, in one line; each part begins with a line of its own.
READINGS = (
    "echo [thermal]; dumpsys thermalservice 2>/dev/null; "
    "echo [battery]; dumpsys battery 2>/dev/null; "
    "echo [airplane]; settings get global airplane_mode_on 2>/dev/null; "
    "echo [saver]; settings get global low_power 2>/dev/null; "
    "echo [build]; getprop ro.build.version.release; getprop ro.product.model; getprop ro.soc.model"
)
#: $1 true or false.
HOLD_CLOCKS = 'cmd power set-fixed-performance-mode-enabled "$1"'
#: https://developer.android.com/reference/android/os/PowerManager#getCurrentThermalStatus()
THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
_PART = re.compile(r"\[(\w+)\][ \t\r]*")
#: One sensor's fields, in braces; none is longer.
_SENSOR = re.compile(r"Temperature\{([^{}]{1,300})\}")
_DEGREES = re.compile(r"-?\d{1,4}(\.\d{1,9})?")
_BATTERY = re.compile(r"([A-Za-z ]{1,40}): *(\S{1,40})")
#: Characters of its output that are read.
_MOST = 1 << 18
#: Temperature of a processor, in Android's numbering.
_CPU = "0"


def condition_of(text: str) -> Condition:
    """The condition in what `READINGS` printed; whatever a phone does not tell is left out."""
    parts = _parts(text[:_MOST])
    readings: dict[str, Any] = {}
    faults: list[str] = []
    _thermal(parts.get("thermal", ""), readings, faults)
    _battery(parts.get("battery", ""), readings)
    airplane, saver = parts.get("airplane", "").strip(), parts.get("saver", "").strip()
    hints = []
    if airplane in ("0", "1"):
        readings["airplane_mode"] = airplane == "1"
    if airplane == "0":
        hints.append("switch airplane mode on: radios wake the phone at any moment")
    if saver == "1":
        faults.append("the battery saver is on, which slows the processor")
    lines = [line.strip()[:100] for line in parts.get("build", "").splitlines()]
    for key, value in zip(("android", "model", "soc"), lines, strict=False):
        if value:
            readings[key] = value
    return Condition(readings=readings, faults=tuple(faults), hints=tuple(hints))


def _parts(text: str) -> dict[str, str]:
    """What `READINGS` printed, by the lines that begin its parts."""
    parts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        begins = _PART.fullmatch(line[:50])
        if begins is not None:
            lines = parts[begins[1]] = []
        else:
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def _thermal(text: str, readings: dict[str, Any], faults: list[str]) -> None:
    status = re.search(r"Thermal Status: {0,9}(\d{1,4})", text)
    if status is not None:
        level = min(int(status[1]), len(THERMAL) - 1)
        readings["thermal"] = THERMAL[level]
        if level:
            faults.append(f"Android throttles the phone for heat: {THERMAL[level]}")
    # What is cached may be old; the part after it comes from the sensors.
    current = text.partition("Current temperatures from HAL")[2] or text
    degrees = []
    for sensor in _SENSOR.findall(current):
        fields = dict(part.strip().partition("=")[::2] for part in sensor.split(","))
        if fields.get("mType") == _CPU and _DEGREES.fullmatch(fields.get("mValue", "")):
            degrees.append(float(fields["mValue"]))
    if degrees:
        readings["temperature_c"] = max(degrees)


def _battery(text: str, readings: dict[str, Any]) -> None:
    lines = (_BATTERY.fullmatch(line.strip()) for line in text.splitlines() if len(line) < 100)
    found = {match[1]: match[2] for match in lines if match}
    if re.fullmatch(r"\d{1,3}", found.get("level", "")):
        readings["battery_percent"] = int(found["level"])
    if re.fullmatch(r"-?\d{1,5}", found.get("temperature", "")):
        readings["battery_c"] = int(found["temperature"]) / 10.0
    # A sign, or none at all, is a gauge that does not know.
    for key, name in (("Charge counter", "battery_uah"), ("voltage", "battery_mv")):
        if re.fullmatch(r"[1-9]\d{0,9}", found.get(key, "")):
            readings[name] = int(found[key])
    powered = [k.removesuffix(" powered") for k, v in found.items() if k.endswith(" powered")]
    if powered:
        readings["charged_by"] = [k for k in powered if found[f"{k} powered"] == "true"]
