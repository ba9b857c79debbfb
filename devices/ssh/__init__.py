"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.contracts import DeviceKind
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from .driver import SshDriver
    from .options import SshOptions


def _driver() -> type[SshDriver]:
    from .driver import SshDriver

    return SshDriver


def _options() -> type[SshOptions]:
    from .options import SshOptions

    return SshOptions


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Machines that are reached by SSH."""
    yield DeviceKind(
        name="ssh",
        summary="a Linux board or machine, by OpenSSH",
        driver=_driver,
        options=_options,
        remote=True,
    )
