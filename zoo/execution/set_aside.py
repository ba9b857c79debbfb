"""Devices that failed their health check twice: set aside until one passes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.common.clock import utc_now
from zoo.common.errors import EnvironmentFailed
from zoo.common.files import write_text
from zoo.common.paths import cache_folder
from zoo.execution.device import Device

#: Health checks in a row after which a device is set aside.
LIMIT = 2


@dataclass(frozen=True, kw_only=True)
class HealthRecord:
    """The last health checks of a device by this machine.

    Attributes:
        failures: Checks in a row that it failed; 0 when the last one passed.
        since: When the first of them was, or the last check that passed; ISO 8601.
        checked: When it was last checked.
        problem: What was wrong then; empty when nothing was.
    """

    failures: int
    since: str
    checked: str
    problem: str = ""

    @property
    def set_aside(self) -> bool:
        """Whether nothing is timed there, and no worker announces it."""
        return self.failures >= LIMIT


class SetAside(EnvironmentFailed):
    """The device failed its health check twice, and nothing is timed there."""


def health_record(device: Device) -> HealthRecord | None:
    """What is known of a device; None when it was never checked."""
    try:
        return HealthRecord(**json.loads(_file(device).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def note_check(device: Device, problem: str) -> HealthRecord:
    """Records a health check; `problem` is empty when it passed.

    Raises:
        EnvironmentFailed: The cache cannot be written.
    """
    now, before = utc_now(), health_record(device)
    failed = before is not None and before.failures > 0
    found = HealthRecord(
        failures=(before.failures if before is not None else 0) + 1 if problem else 0,
        since=before.since if problem and failed and before is not None else now,
        checked=now,
        problem=problem,
    )
    write_text(_file(device), json.dumps(asdict(found), indent=1))
    return found


def refuse_set_aside(device: Device) -> None:
    """Refuses a device that is set aside; this machine itself never is.

    Raises:
        SetAside: It is; says since when, and why.
    """
    found = None if device.kind.local else health_record(device)
    if found is not None and found.set_aside:
        raise SetAside(
            f"the device {device.name!r} is set aside since {found.since}",
            why=f"it failed its health check {found.failures} times in a row: {found.problem}",
            fix=f"mend that, and check it: zoo devices doctor {device.name}; it is used again when "
            "that passes",
        )


def _file(device: Device) -> Path:
    place = f"{device.kind.name} {device.address}"
    return cache_folder() / "health" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"
