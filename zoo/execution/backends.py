"""Devices on the backends that a command asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.contracts.device import BACKEND
from zoo.execution.device import Device
from zoo.execution.devices import backends_of, device_named
from zoo.registry import Registry


def devices_on(
    registry: Registry, names: Sequence[str | None], backends: Sequence[str] = ()
) -> list[Device]:
    """Each device with each backend; those that are the same come once.

    Args:
        registry: Finds the devices.
        names: Of devices; None for this machine.
        backends: None of them leaves each device the backend that its options name.

    Raises:
        ZooError: A name that nothing has, or a device that has no such backend.
    """
    devices = [device_named(registry, name) for name in names]
    if not backends:
        return devices
    found: list[Device] = []
    for device in [_on(registry, each, backend) for each in devices for backend in backends]:
        if not any(each.driver is device.driver for each in found):
            found.append(device)
    return found


def device_on(registry: Registry, name: str | None, backend: str | None) -> Device:
    """One device, on a backend where one is given."""
    return devices_on(registry, [name], [] if backend is None else [backend])[0]


def declared_backends(registry: Registry) -> dict[str, tuple[str, ...]]:
    """The backends of each kind of device that has some; a kind that fails to tell has none."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in registry.devices:
        try:
            if backends := backends_of(registry, kind):
                found[kind.name] = backends
        except ZooError:
            continue  # `zoo devices list` names it with its fault.
    return found


def _on(registry: Registry, device: Device, backend: str) -> Device:
    choices = backends_of(registry, device.kind)
    if not choices:
        raise UsageError(
            f"{device.name!r} has no backends to choose from",
            why=f"devices of kind {device.kind.name} have no option {BACKEND}; " + _told(registry),
            fix="leave out --backend, or name a device of such a kind",
        )
    if backend not in choices:
        error = UnknownName(BACKEND, backend, choices)
        error.why = f"of {device.name!r}, of kind {device.kind.name}; " + _told(registry)
        raise error
    wanted = replace(device, options={**device.options, BACKEND: backend})
    if wanted.driver is device.driver:  # a driver per complete set of options
        return device
    own = _without_backend(registry, device)
    if wanted.driver is own.driver:
        return own
    name = f"{own.name}-{backend}"
    try:
        found = device_named(registry, name)
    except UnknownName as error:  # It hangs on a worker, which announces each name by itself.
        raise UsageError(
            f"{device.name!r} is not announced with the backend {backend}",
            why="it hangs on another machine, whose worker names the devices that it times on",
            fix=f"start the worker with --device {device.name},{name}",
        ) from error
    if found.driver is not wanted.driver:
        raise UsageError(
            f"{name!r} is the name of another device",
            why=f"results of {device.name!r} on {backend} would have the same name",
            fix="rename that device in devices.toml",
        )
    return found


def _without_backend(registry: Registry, device: Device) -> Device:
    """The device ``NAME`` of one that is called ``NAME-BACKEND``; any other itself."""
    backend = device.options.get(BACKEND)
    name = device.name.removesuffix(f"-{backend}")
    if name == device.name:
        return device
    try:
        own = device_named(registry, name)
    except ZooError:
        return device
    same = replace(own, options={**own.options, BACKEND: backend}).driver is device.driver
    return own if same else device


def _told(registry: Registry) -> str:
    """Which kinds have which backends."""
    told = [f"{kind} ({', '.join(names)})" for kind, names in declared_backends(registry).items()]
    return f"kinds that have it: {'; '.join(told) or 'none'}"
