"""What an executor, its workers and devices, and this machine's own devices do now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zoo.common.errors import ZooError
from zoo.contracts.executor import ExecutorWorker
from zoo.execution.device import Device
from zoo.execution.devices import known_devices
from zoo.execution.health import checked_device
from zoo.execution.lock import holder_of
from zoo.execution.set_aside import health_record
from zoo.pipeline.executors.connection import LOCAL, address_of, connect, refuse_idle
from zoo.pipeline.recipe import RecipeExecutor
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class DeviceStatus:
    """A device as it is now.

    Attributes:
        worker: That announces it; empty for a device of this machine.
        state: ``free``, ``leased``, ``set aside`` or ``broken``: its entry cannot be used.
        leased_by: The run, or the command of this machine, that measures on it.
        since: When that began, or when it was set aside; ISO 8601.
        health: ``ok`` or ``failed`` by the last check of this machine, ``unknown`` without one;
            of a worker's device ``ok``: it was asked when the worker joined.
        problem: What is wrong with it; empty when nothing is known to be.
    """

    name: str
    kind: str
    worker: str = ""
    state: str = "free"
    leased_by: str = ""
    since: str = ""
    health: str = "unknown"
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ExecutorStatus:
    """What ``zoo status`` shows.

    Attributes:
        executor: Its address; ``local`` for this machine.
        workers: Those that have joined, of any version.
        devices: Of the workers, and of this machine.
        waiting: How many steps of each kind wait for a worker.
        running: How many of each kind are performed.
    """

    executor: str
    workers: tuple[ExecutorWorker, ...] = ()
    devices: tuple[DeviceStatus, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)


def status_of(
    registry: Registry,
    asked: RecipeExecutor,
    *,
    check: bool = False,
    tell: Callable[[str], None] = lambda name: None,
) -> ExecutorStatus:
    """Asks the executor, and looks at this machine; contacts no device unless `check`.

    Args:
        registry: Knows executors and devices.
        asked: The executor; without an address that of the environment, or this machine.
        check: Whether to check the health of this machine's devices: one that fails twice is set
            aside.
        tell: Receives the name of each device that is about to be checked.

    Raises:
        ZooError: The executor cannot be reached.
    """
    refuse_idle(asked)
    own = tuple(_own(registry, check, tell))
    address = address_of(asked)
    connection = None if address == LOCAL else connect(registry, asked, any_workers=True)
    if connection is None:
        return ExecutorStatus(executor=address, devices=own)
    workers = tuple(connection.driver.workers())
    running: dict[str, int] = {}
    for worker in workers:
        for told in worker.running:
            kind = told.get("step", "").partition(" ")[0]
            running[kind] = running.get(kind, 0) + 1
    return ExecutorStatus(
        executor=address,
        workers=workers,
        devices=(*(one for worker in workers for one in _announced(worker)), *own),
        waiting=dict(sorted(connection.driver.waiting().items())),
        running=dict(sorted(running.items())),
    )


def _announced(worker: ExecutorWorker) -> list[DeviceStatus]:
    leases = {told["device"]: told for told in worker.running if told.get("device")}
    return [
        DeviceStatus(
            name=device.name,
            kind=device.kind,
            worker=worker.name,
            state="leased" if device.name in leases else "free",
            leased_by=leases.get(device.name, {}).get("run", ""),
            since=leases.get(device.name, {}).get("since", ""),
            health="ok",
        )
        for device in worker.devices
    ]


def _own(registry: Registry, check: bool, tell: Callable[[str], None]) -> list[DeviceStatus]:
    """This machine and what ``devices.toml`` names."""
    found = []
    for name, device in known_devices(registry).items():
        if not isinstance(device, Device):
            found.append(DeviceStatus(name=name, kind="", state="broken", problem=device.what))
        elif device.source or device.kind.local:
            if check:
                tell(name)
                state = checked_device(registry, device, name)
                found.append(_of_machine(name, device, "" if state.ok else state.problem))
            else:
                found.append(_of_machine(name, device, None))
    return found


def _of_machine(name: str, device: Device, problem: str | None) -> DeviceStatus:
    """From its lock and its last checks; `problem` is what a check has just found."""
    kind = device.kind.name
    try:
        holder, known = holder_of(device), health_record(device)
    except ZooError as error:  # its address cannot be told
        return DeviceStatus(name=name, kind=kind, state="broken", problem=error.what)
    if problem is None:
        problem = known.problem if known is not None else ""
        health = "unknown" if known is None else "failed" if problem else "ok"
    else:
        health = "failed" if problem else "ok"
    told = {"name": name, "kind": kind, "health": health, "problem": problem}
    if holder is not None:
        command = f"process {holder.pid}: {holder.command}" if holder.pid else "another process"
        return DeviceStatus(**told, state="leased", leased_by=command, since=holder.since)
    if known is not None and known.set_aside and not device.kind.local:
        return DeviceStatus(**told, state="set aside", since=known.since)
    return DeviceStatus(**told)
