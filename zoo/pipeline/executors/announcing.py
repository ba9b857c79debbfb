"""What a worker announces: its devices, asked here and now, and its version of edgezoo."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from zoo.common.errors import UsageError
from zoo.common.versions import python_version, version_of
from zoo.contracts.checks import check_name
from zoo.contracts.executor import AnnouncedDevice, ExecutorWorker
from zoo.execution.devices import device_named
from zoo.execution.set_aside import refuse_set_aside
from zoo.pipeline.executors.fitting import installed_plugins
from zoo.registry import Registry


def announced_worker(
    registry: Registry,
    name: str | None = None,
    devices: Sequence[str] = (),
    labels: Sequence[str] = (),
    jobs: int = 1,
) -> ExecutorWorker:
    """The announcement of a worker of this machine.

    Args:
        registry: Knows the devices.
        name: None for the machine's name and the process.
        devices: Names of devices that hang on this machine.
        labels: Such as ``gpu``.
        jobs: Steps side by side, those on devices aside.

    Raises:
        ZooError: A device is not known here, or does not answer.
    """
    if jobs < 1:
        raise UsageError(f"a worker cannot perform {jobs} steps side by side", fix="--jobs 1")
    for label in labels:
        check_name("label", label)
    return ExecutorWorker(
        name=name or f"{platform.node()}-{os.getpid()}",
        host=platform.node(),
        version=str(version_of("edgezoo")),
        jobs=jobs,
        python=python_version(),
        plugins=installed_plugins(registry.plugins),
        labels=tuple(dict.fromkeys(labels)),
        devices=tuple(_announced(registry, device) for device in dict.fromkeys(devices)),
    )


def _announced(registry: Registry, name: str) -> AnnouncedDevice:
    device = device_named(registry, name)
    if device.kind.analysis:
        raise UsageError(
            f"nothing is timed on {name!r}",
            why="it is an analysis of files, which every machine can do",
            fix=f"leave it out: --device {name} is for commands, not for workers",
        )
    refuse_set_aside(device)
    return AnnouncedDevice(
        name=name,
        kind=device.kind.name,
        options=dict(device.options),
        machine=device.fingerprint(),
    )
