"""The device whose times files of a search are ranked by."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.offline_analysis import refuse_untimed
from zoo.registry import Registry


def ranking_device(
    registry: Registry, name: str | None, *, ranked: str = "files", fix: str = ""
) -> Device:
    """The device of a name, None for this machine, if its times are those of the real thing.

    Args:
        registry: Finds it.
        name: As the user typed it.
        ranked: What is ranked by the times, for messages.
        fix: What to do instead, for messages.

    Raises:
        UsageError: Nothing is timed there, or the times are emulated or estimated.
    """
    refuse_untimed(registry, name)
    device = device_named(registry, name)
    if device.clock != "real":
        raise UsageError(
            f"times of {device.name!r} are {device.clock}: {ranked} cannot be ranked by them",
            why="they tell nothing of the real device's",
            fix=fix
            or "search on a device that is there, and run its files here afterwards: "
            f"zoo bench FILE --device {device.name}",
        )
    return device
