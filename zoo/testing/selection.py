"""From a name that a user typed to the variants and checks that are meant."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.contracts import Architecture
from zoo.contracts.plugin import Plugin, unknown_name
from zoo.execution.device import Device
from zoo.execution.devices import device_named, devices_without_entry, known_devices
from zoo.registry import Registry
from zoo.testing.checks import conformance_checks, light_checks
from zoo.testing.devices import checks_of
from zoo.testing.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What ``zoo plugins check NAME`` does.

    Attributes:
        checks: Variant → names of its checks.
        broken: Verdicts on plugins that could not be loaded.
        notes: What the user should know about what is left out.
    """

    checks: dict[str, tuple[str, ...]]
    broken: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    device_checks: tuple[str, ...] = ()


def select(registry: Registry, name: str, skip: Sequence[str] = ()) -> Selection:
    """Finds what `name` means.

    Of a family, the smallest variant is put through everything, the others through the checks
    that take seconds whatever their size. A variant that is named gets everything.

    Args:
        registry: Where to look.
        name: A variant, an architecture, a device, or a plugin.
        skip: Checks to leave out; shell patterns such as ``export-*``.

    Raises:
        UnknownName: Nothing is called `name`, or a pattern fits no check.
        UsageError: The plugin provides nothing that can be checked, or nothing is left to check.
    """
    variants = {variant.name for _, variant in registry.variants()}
    if name in variants:
        return Selection(checks={name: _without(conformance_checks(registry), skip)})
    if name in registry.architectures.names():
        every = _without(conformance_checks(registry), skip)
        return _families([registry.architectures.get(name)], every)
    if devices := _devices_meant(registry, name):
        return Selection(
            checks={}, devices=tuple(devices), device_checks=_without(checks_of(devices[0]), skip)
        )
    every = _without(conformance_checks(registry), skip)
    plugins = [p for p in registry.plugins if name in (p.name, p.full_name)]
    if not plugins:
        known = {*variants, *registry.architectures.names(), *known_devices(registry)}
        valid = known | {p.name for p in registry.plugins}
        raise unknown_name("model or plugin", name, valid, registry.plugins)
    broken = tuple(_broken(plugin) for plugin in plugins if plugin.problem)
    providers = registry.architectures
    found = [a for a in providers if any(providers.provider(a.name) is p for p in plugins)]
    if not found and not broken:
        raise UsageError(
            f"the plugin {name!r} provides no architecture and no device",
            why="the checks are of networks and devices",
            fix="name a model, a family, a device, or a plugin of one: `zoo plugins list`",
        )
    selection = _families(found, every)
    return Selection(checks=selection.checks, broken=broken, notes=selection.notes)


def _devices_meant(registry: Registry, name: str) -> list[Device]:
    """Devices called `name`, or those of the kinds that a plugin called `name` provides.

    Raises:
        ZooError: The device's entry is not usable, or the plugin's kind has no device yet.
    """
    unnamed = devices_without_entry(registry)
    known = {**unnamed, **known_devices(registry)}
    if name in known:
        return [device_named(registry, name)]
    kinds = {
        kind.name
        for kind in registry.devices
        if name in (registry.devices.provider(kind.name).name, kind.name)
    }
    found = [d for d in known.values() if isinstance(d, Device) and d.kind.name in kinds]
    if kinds and not found:
        raise ZooError(
            f"there is no device of kind {', '.join(sorted(kinds))} to check",
            fix=f"name one: zoo devices add NAME {min(kinds)} …",
        )
    # A kind may know dozens of devices, which differ in their figures alone.
    named = [device for device in found if device.name not in unnamed]
    return named or found[:1]


def _families(architectures: Sequence[Architecture], every: tuple[str, ...]) -> Selection:
    checks: dict[str, tuple[str, ...]] = {}
    notes = []
    light = tuple(check for check in every if check in light_checks())
    for architecture in architectures:
        smallest, *others = sorted(architecture.variants, key=lambda v: v.multiply_adds)
        checks[smallest.name] = every
        checks.update({variant.name: light for variant in others})
        if others and light != every:
            notes.append(
                f"only {smallest.name}, the smallest of {architecture.name}, is trained and "
                f"exported; for another: zoo plugins check {others[0].name}"
            )
    return Selection(checks=checks, notes=tuple(notes))


def _broken(plugin: Plugin) -> Verdict:
    return Verdict(
        variant=plugin.name,
        check="load",
        status="failed",
        measured=plugin.problem or "",
        fix=f"{plugin.fix}; nothing of the plugin is used until it loads",
    )


def _without(names: tuple[str, ...], patterns: Sequence[str]) -> tuple[str, ...]:
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise UnknownName("check", pattern, names)
    left = tuple(n for n in names if not any(fnmatch.fnmatchcase(n, p) for p in patterns))
    if not left:
        raise UsageError("every check is skipped", fix="leave at least one: fewer --skip")
    return left
