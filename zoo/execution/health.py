"""Going to a device and looking: can it be reached, what runs there, how is it now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.common.errors import UsageError, ZooError
from zoo.common.versions import versions_of
from zoo.execution.device import Device
from zoo.execution.runtimes import installable_runtimes
from zoo.execution.session import AgentSession
from zoo.execution.set_aside import note_check
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class DeviceState:
    """What was found of one device.

    Attributes:
        ok: Whether a file could be measured there now.
        kind: Of the device; empty when its entry is not usable.
        about: The machine as the agent there describes it.
        readings: Temperature, governor and the like, as far as it tells.
        faults: Why times taken now could not be trusted.
        problem: What is wrong; empty when nothing is.
    """

    name: str
    ok: bool
    kind: str = ""
    address: str = ""
    runtimes: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    readings: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    problem: str = ""
    fix: str = ""


def inspect_device(registry: Registry, device: Device | ZooError, name: str) -> DeviceState:
    """Connects, asks an agent to describe the machine, and reads its condition."""
    if isinstance(device, ZooError):
        return DeviceState(name=name, ok=False, problem=_one_line(device), fix=device.fix or "")
    state = DeviceState(name=name, ok=False, kind=device.kind.name, address=device.address)
    if device.kind.analysis:
        return _analysis(device, state)
    try:
        runtimes = tuple(device.runtimes())
        if not runtimes:
            return replace(
                state,
                problem="no runtime is there",
                fix=f"type: zoo devices setup {name}"
                if device.setup_runtimes
                else f"install {_installable(registry)} in the Python that is used there",
            )
        transport = device.connect()
        try:
            with AgentSession(transport, runtimes[0]) as session:
                about = session.describe()
            condition = transport.condition()
        finally:
            transport.close()
    except ZooError as error:
        return replace(state, problem=_one_line(error), fix=error.fix or "")
    return replace(
        state,
        ok=True,
        runtimes=runtimes,
        about=about,
        readings=dict(condition.readings),
        faults=condition.faults,
        hints=condition.hints,
    )


def checked_device(registry: Registry, device: Device | ZooError, name: str) -> DeviceState:
    """`inspect_device`, recorded: one that fails twice is set aside until it passes.

    Raises:
        ZooError: The cache cannot be written.
    """
    state = inspect_device(registry, device, name)
    if isinstance(device, ZooError) or device.kind.local or device.kind.analysis:
        return state
    found = note_check(device, "" if state.ok else state.problem)
    if not found.set_aside:
        return state
    told = f"{state.problem}; failed {found.failures} times in a row, and set aside"
    return replace(state, problem=told)


def _installable(registry: Registry) -> str:
    return " or ".join(each.distributions[0] for each in installable_runtimes(registry))


def _analysis(device: Device, state: DeviceState) -> DeviceState:
    """Of a device that nothing is started on: whether what examines files for it is here."""
    try:
        device.fingerprint()
    except ZooError as error:
        return replace(state, problem=_one_line(error), fix=error.fix or "")
    runtimes = tuple(device.runtimes())
    return replace(state, ok=True, runtimes=runtimes, about={"runtimes": versions_of(runtimes)})


def setup_device(registry: Registry, device: Device, tell: Callable[[str], None]) -> str:
    """Prepares a device as its kind knows how; returns what is ready then.

    Raises:
        UsageError: Its kind cannot prepare devices; names those that can.
    """
    if not device.kind.prepares:
        able = [kind.name for kind in registry.devices if kind.prepares]
        raise UsageError(
            f"there is nothing to set up from here for {device.name!r}",
            why=f"devices of kind {device.kind.name!r} are prepared by hand",
            fix=f"kinds that can: {', '.join(able) or 'none of those that are installed'}; "
            f"`zoo devices doctor {device.name}` tells what this one lacks",
        )
    return device.setup(tell)


def _one_line(error: ZooError) -> str:
    return error.what + (f" ({' '.join(error.why.split())})" if error.why else "")
