"""Boards whose processor QEMU emulates here."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.common.modules import lazy
from zoo.contracts import DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl


def known() -> dict[str, DeviceOptions]:
    """Boards that need no entry of their own."""
    from .boards import BOARDS, PREFIX

    return {f"{PREFIX}{name}": {"board": name} for name in BOARDS}


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Boards that need not be there."""
    yield DeviceKind(
        name="emulated",
        summary="a board's processor by QEMU: its kernels' answers, not its times",
        driver=lazy("zoo.devices.emulated.driver:EmulatedDriver"),
        clock="emulated",
        known=known,
    )
