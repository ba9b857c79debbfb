"""Any Linux board or machine that OpenSSH reaches: a Raspberry Pi, a Jetson, a server."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.common.modules import lazy
from zoo.contracts import DeviceKind
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Machines that are reached by SSH."""
    yield DeviceKind(
        name="ssh",
        summary="a Linux board or machine, by OpenSSH",
        driver=lazy("zoo.devices.ssh.driver:SshDriver"),
        remote=True,
    )
