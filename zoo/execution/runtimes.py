"""Runtimes by their records: which run a format, which are tools, whose versions count."""

from __future__ import annotations

from zoo.artifacts.artifact import Artifact
from zoo.common.errors import Unsupported, ZooError
from zoo.contracts import DeviceKind, Exporter, Runtime
from zoo.contracts.plugin import Plugin
from zoo.registry import Registry


def runtimes_of(registry: Registry, exporter: Exporter) -> tuple[str, ...]:
    """Every runtime that runs the files of a format: its own choice first."""
    others = (each.name for each in registry.runtimes if exporter.name in each.formats)
    return tuple(dict.fromkeys((*exporter.runtimes, *others)))


def refuse_unfit(registry: Registry, runtime: str, artifact: Artifact) -> None:
    """Refuses a file that a runtime is known not to run, before it crashes there.

    Raises:
        Unsupported: With what the runtime's record says.
    """
    known = runtime in registry.runtimes.names()
    refusal = registry.runtimes.get(runtime).refusal if known else None
    why = refusal(artifact.contents) if refusal is not None else ""
    if why:
        raise Unsupported(
            f"{runtime} cannot run {artifact.path.name}",
            why=why,
            fix="name another --runtime, or export the network in another --precision",
        )


def plugin_runtimes(registry: Registry) -> tuple[Runtime, ...]:
    """Those whose sources plugins bring for the agent."""
    return tuple(each for each in registry.runtimes if each.source is not None)


def runtimes_by_format(registry: Registry) -> dict[str, tuple[str, ...]]:
    """The runtimes of each format's files, without vendors' tools."""
    return {
        exporter.name: tuple(
            name for name in runtimes_of(registry, exporter) if not is_tool(registry, name)
        )
        for exporter in registry.exporters
    }


def is_tool(registry: Registry, runtime: str) -> bool:
    """Whether a runtime is a vendor's benchmark tool."""
    return runtime in registry.runtimes.names() and registry.runtimes.get(runtime).tool


def reference_runtime(registry: Registry) -> str:
    """What runs networks as they were before their export.

    Raises:
        ZooError: No plugin provides one.
    """
    found = next((runtime.name for runtime in registry.runtimes if runtime.reference), None)
    if found is None:
        raise ZooError(
            "no runtime runs networks before their export",
            fix="`zoo plugins list` shows whether the plugin that provides it is broken or off",
        )
    return found


def installable_runtimes(registry: Registry) -> list[Runtime]:
    """What ``zoo devices setup`` installs, and people are told to install."""
    return [each for each in registry.runtimes if each.setup]


def distributions_of(registry: Registry, kind: DeviceKind) -> tuple[str, ...]:
    """Distributions installed here whose versions decide what a device answers and how fast."""
    used = [each for each in registry.runtimes if kind.local and not each.reference]
    return (*kind.distributions, *(name for each in used for name in each.distributions))


def running_plugins(registry: Registry, kind: DeviceKind, format: str) -> tuple[Plugin, ...]:
    """The plugins of a kind of device, and of every runtime that runs files of a format there.

    A vendor's tool is part of the device that it belongs to.
    """
    used = (each.name for each in registry.runtimes if format in each.formats and not each.tool)
    return (registry.devices.provider(kind.name), *map(registry.runtimes.provider, used))
