"""From a name that a user typed to the device that is meant; adding and removing names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.common.errors import MissingExtra, UnknownName, UsageError, ZooError, nearest
from zoo.contracts import DeviceKind, DeviceOptions, Exporter
from zoo.contracts.checks import InvalidRecord, check_name
from zoo.contracts.device import BACKEND
from zoo.contracts.options import declared_options
from zoo.contracts.plugin import unknown_name
from zoo.execution.device import Device, device_of
from zoo.execution.devices_file import (
    Entry,
    add_entry,
    project_file,
    read_entries,
    read_file,
    refuse_secrets,
    remove_entry,
    user_file,
)
from zoo.execution.runner import choose_runtime, host_device
from zoo.registry import Registry


def device_named(registry: Registry, name: str | None) -> Device:
    """The device called `name`: of ``devices.toml``, a kind that needs no options, or known to one.

    Args:
        registry: Finds the kinds.
        name: None for this machine.

    Raises:
        UnknownName: Nothing has that name; offers the nearest.
        UsageError: Its entry is not usable, or it hangs on a worker that gets no steps.
        Untrusted: It stands in a project's file that nobody here has allowed.
    """
    if name is None:
        return host_device(registry)
    if (there := registry.announced.get(name)) is not None:
        kind = registry.devices.get(there.kind)
        return replace(device_of(registry, name, kind, there.options), machine=there.machine)
    try:
        return own_device(registry, name)
    except UnknownName as error:
        if (why := registry.out_of_reach.get(name)) is None:
            raise
        raise UsageError(
            f"nothing can be timed on {name!r}",
            why=why,
            fix="install the same version on both, and start the worker again",
        ) from error


def own_device(registry: Registry, name: str) -> Device:
    """The device called `name` that this machine reaches, whatever workers announce.

    ``NAME-BACKEND`` is the device ``NAME`` on another of its kind's backends.

    Raises:
        ZooError: As of `device_named`.
    """
    device = _found(registry, name) or _on_a_backend(registry, name)
    if device is not None:
        return device
    there = {
        *read_entries(),
        *devices_without_entry(registry),
        *(
            name
            for name, alone in _kinds_without_entry(registry).items()
            if isinstance(alone, Device)
        ),
    }
    with_backends = _names_with_backends(registry)
    raise unknown_name(
        "device",
        name,
        # Where nothing is like it, the list that is offered instead is of devices alone.
        there | with_backends if nearest(name, with_backends) else there,
        registry.plugins,
        registry.devices.other_words(),
    )


def _on_a_backend(registry: Registry, name: str) -> Device | None:
    """The device ``NAME`` on a backend of its kind, where the name is ``NAME-BACKEND``."""
    for place in [place for place, letter in enumerate(name) if letter == "-"]:
        own, backend = name[:place], name[place + 1 :]
        kind = registry.devices.get(own) if own in registry.devices.names() else None
        # A kind alone may be no device, which is told where the rest is one of its backends.
        if kind is not None and backend not in backends_of(registry, kind):
            continue
        base = _found(registry, own)
        if base is not None and backend in backends_of(registry, base.kind):
            return replace(base, name=name, options={**base.options, BACKEND: backend})
    return None


def _names_with_backends(registry: Registry) -> set[str]:
    """``NAME-BACKEND`` of every device that has a choice; one that is not usable has none."""
    found: set[str] = set()
    for name, device in (known_devices(registry) | devices_without_entry(registry)).items():
        if isinstance(device, Device):
            with suppress(ZooError):
                found |= {f"{name}-{backend}" for backend in backends_of(registry, device.kind)}
    return found


def _found(registry: Registry, name: str) -> Device | None:
    entries = read_entries()
    if name in entries:
        device = _device(registry, entries[name])
        device.require_trust()
        return device
    if name in registry.devices.names():
        return _device_of_kind(registry, registry.devices.get(name))
    return devices_without_entry(registry).get(name)


def devices_without_entry(registry: Registry) -> dict[str, Device]:
    """Devices that kinds know by name; where two know one name, the first kind's.

    A kind that fails to tell its devices has none.
    """
    found: dict[str, Device] = {}
    for kind in registry.devices:
        with suppress(ZooError):
            for name, options in devices_known_to(registry, kind).items():
                found.setdefault(name, device_of(registry, name, kind, options))
    return found


def devices_known_to(registry: Registry, kind: DeviceKind) -> Mapping[str, DeviceOptions]:
    """The devices that a kind knows without an entry: name → options.

    Raises:
        ZooError: Its driver fails to tell; names the plugin.
    """
    if kind.known is None:
        return {}
    with device_of(registry, kind.name, kind).guard("list its devices"):
        return {name: dict(options) for name, options in kind.known().items()}


def options_of(registry: Registry, kind: DeviceKind) -> dict[str, bool]:
    """The options of a kind's devices, the required ones first: name → whether it is required.

    Raises:
        ZooError: Its driver fails to tell; names the plugin.
    """
    with device_of(registry, kind.name, kind).guard("tell its options"):
        fields = {} if kind.model is None else kind.model.model_fields
        needed = {name: field.is_required() for name, field in fields.items()}
    return dict(sorted(needed.items(), key=lambda item: not item[1]))


def backends_of(registry: Registry, kind: DeviceKind) -> tuple[str, ...]:
    """Where runtimes can run operators on a kind's devices; empty where there is no choice.

    Raises:
        ZooError: Its driver fails to tell; names the plugin.
    """
    with device_of(registry, kind.name, kind).guard("tell its backends"):
        return kind.backends


def known_devices(registry: Registry) -> dict[str, Device | ZooError]:
    """Every device by name: kinds that need no options, then the files' entries.

    An entry that is not usable costs itself alone: it comes as the error that says why.
    """
    found = _kinds_without_entry(registry)
    for name, entry in sorted(read_entries().items()):
        try:
            found[name] = _device(registry, entry)
        except ZooError as error:
            found[name] = error
    return found


def add_device(
    registry: Registry, name: str, kind: str, options: Mapping[str, str], *, project: bool = False
) -> Device:
    """Names a device in a file, once its options are known to be usable.

    Args:
        registry: Finds the kind.
        name: Of the device.
        kind: Of the device.
        options: As typed; numbers and truth values are told by what the kind declares.
        project: Whether in the folder's file; else in the user's own.

    Raises:
        UsageError: A name or option that cannot be used, or a name that the file already has.
    """
    file = project_file() if project else user_file()
    entry = Entry(name=name, values={"kind": kind, **options}, file=file)
    device = _device(registry, entry)
    plain = {key: device.options[key] for key in options}
    add_entry(file, name, {"kind": kind, **plain})
    return device


def remove_device(name: str) -> Path:
    """Takes a device out of the file that names it, the project's first; returns that file.

    Raises:
        UnknownName: No file names it.
    """
    for file in (project_file(), user_file()):
        if name in read_file(file):
            remove_entry(file, name)
            return file
    raise UnknownName("device of devices.toml", name, read_entries())


def runtime_on(exporter: Exporter, device: Device) -> str:
    """The format's preferred runtime among those the device has.

    Raises:
        ZooError: It has none of them, or cannot be reached.
    """
    try:
        return choose_runtime(exporter, device)
    except MissingExtra as error:
        if device.kind.local:
            raise
        there = ", ".join(device.runtimes()) or "none"
        able = dict.fromkeys((*exporter.runtimes, *device.further_runtimes(exporter.name)))
        raise ZooError(
            f"{device.name!r} cannot run {exporter.name} files: a runtime is missing there",
            why=f"it takes one of {', '.join(able)}; the device has {there}"
            + "".join(
                f"; {name}: {refusal.what}"
                for name, refusal in device.plugin_runtimes_there.items()
                if refusal is not None and name in exporter.runtimes
            ),
            fix=way_to_runtime(device, able, f"{exporter.name} files"),
        ) from error


def way_to_runtime(device: Device, wanted: Iterable[str], what: str = "") -> str:
    """How a device gets one of some runtimes: by its setup, if that brings one, or by hand.

    Args:
        device: Where they are missing.
        wanted: Their names.
        what: Files of the format that they run; empty where any runtime would do.
    """
    brought = device.setup_runtimes
    if not brought:
        return "install one there, in the Python that devices.toml names for it"
    setup = f"zoo devices setup {device.name}"
    if set(brought) & set(wanted):
        return f"type: {setup}"
    alone = f"{setup} brings {', '.join(brought)} alone"
    return f"install one there by hand; {alone}" + (f", and none for {what}" if what else "")


def _kinds_without_entry(registry: Registry) -> dict[str, Device | ZooError]:
    """Kinds that are devices by themselves, or whose driver fails to tell whether they are."""
    found: dict[str, Device | ZooError] = {}
    for kind in registry.devices:
        try:
            if not any(options_of(registry, kind).values()):
                found[kind.name] = _device_of_kind(registry, kind)
        except ZooError as error:
            found[kind.name] = error
    return found


def _device_of_kind(registry: Registry, kind: DeviceKind) -> Device:
    """A kind as a device of its own name."""
    required = [name for name, needed in options_of(registry, kind).items() if needed]
    if required:
        raise UsageError(
            f"{kind.name!r} is a kind of device, not a device",
            why="it must be told which one is meant",
            fix=f"name yours: zoo devices add NAME {kind.name} "
            + " ".join(f"{name}=…" for name in required),
        )
    options = _declared(kind, {}, kind.name)
    return device_of(registry, kind.name, kind, options)


def _device(registry: Registry, entry: Entry) -> Device:
    """The device that an entry describes."""
    _check_device_name(registry, entry)
    refuse_secrets(entry)
    values = dict(entry.values)
    named = values.pop("kind", None)
    if not isinstance(named, str):
        raise UsageError(
            f"{entry.file}: {entry.name} has no kind",
            fix=f'add a line: kind = "…", one of {", ".join(registry.devices.names())}',
        )
    try:
        kind = registry.devices.get(named)
    except UnknownName as error:
        raise UsageError(
            f"{entry.file}: {entry.name}: unknown kind of device {named!r}", fix=error.fix
        ) from error
    owner = f"{entry.name!r} ({entry.file}), of kind {kind.name},"
    options_of(registry, kind)  # names the plugin where the model cannot be had
    options = _declared(kind, values, owner)
    return device_of(registry, entry.name, kind, options, entry.file, entry.digest)


def _declared(kind: DeviceKind, values: Mapping[str, Any], owner: str) -> dict[str, Any]:
    model = kind.model
    return declared_options(None if model is None else lambda: model, values, owner)


def _check_device_name(registry: Registry, entry: Entry) -> None:
    try:
        check_name("device", entry.name)
    except InvalidRecord as error:
        raise UsageError(f"{entry.file}: {error}", fix="rename it there") from error
    if entry.name in registry.devices.names():
        raise UsageError(
            f"{entry.file}: {entry.name!r} is the name of a kind",
            fix="choose another name for the device",
        )
