"""Lookup of targets by name or alias, and for this machine."""

from __future__ import annotations

import platform
from pathlib import Path

from zoo.common.errors import UsageError
from zoo.contracts import Target
from zoo.contracts.plugin import unknown_name
from zoo.registry import Registry

#: Names for the kind of processor that this machine has.
HOST_NAMES = ("auto", "cpu", "host")
_CPUINFO = Path("/proc/cpuinfo")


def target_named(registry: Registry, name: str) -> Target:
    """The target that a name, an alias or ``auto`` means.

    Raises:
        UnknownName: Nothing is called so; offers the nearest.
        UsageError: ``auto`` on a machine that no target describes.
    """
    if name in HOST_NAMES:
        return host_target(registry)
    known = {alias: t.name for t in registry.targets for alias in (t.name, *t.aliases)}
    if name not in known:
        raise unknown_name("target", name, [*known, *HOST_NAMES], registry.plugins)
    return registry.targets.get(known[name])


def host_target(registry: Registry) -> Target:
    """The most specific target that describes this machine.

    Raises:
        UsageError: None does.
    """
    found = matching_target(registry)
    if found is None:
        names = ", ".join(target.name for target in registry.targets)
        raise UsageError(
            f"no target describes this machine ({platform.machine()})",
            why="files are written for a kind of processor, and this one is unknown",
            fix=f"name the one that will run the files: --target {names}",
        )
    return found


def matching_target(registry: Registry) -> Target | None:
    """The most specific target that describes this machine; None when none does."""
    machine, flags = platform.machine(), cpu_flags()
    fitting = [target for target in registry.targets if target.fits(machine, flags)]
    return max(fitting, key=lambda target: target.level, default=None)


def cpu_flags() -> frozenset[str]:
    """Features of this machine's processor by Linux' names; empty where they are unknown."""
    if platform.system() == "Darwin":
        # Every Apple processor of this family has the dot product (ARMv8.4).
        return frozenset({"asimddp"} if platform.machine() == "arm64" else {"avx2"})
    try:
        text = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()
