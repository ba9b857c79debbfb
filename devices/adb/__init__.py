"""Android phones and boards, by ADB."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import DeviceKind
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_devices() -> Iterator[DeviceKind]:
    """Yields the kind of device."""
    from .driver import kinds

    yield from kinds()
