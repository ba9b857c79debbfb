"""This machine: its processors and its GPU."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import DeviceKind
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_devices() -> Iterator[DeviceKind]:
    """Yields the kind of device."""
    from . import gpu, host

    yield from host.kinds()
    yield from gpu.kinds()
