"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.contracts import DeviceDriver, DeviceKind
from zoo.hookspecs import hookimpl


def _driver() -> type[DeviceDriver[Any]]:
    from .driver import SshDriver

    return SshDriver


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Machines that are reached by SSH."""
    yield DeviceKind(
        name="ssh",
        summary="a Linux board or machine, by OpenSSH",
        driver=_driver,
        remote=True,
    )
