"""Boards whose processor QEMU emulates here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.contracts import DeviceDriver, DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl


def known() -> dict[str, DeviceOptions]:
    """Boards that need no entry of their own."""
    from .boards import BOARDS, PREFIX

    return {f"{PREFIX}{name}": {"board": name} for name in BOARDS}


def _driver() -> type[DeviceDriver[Any]]:
    from .driver import EmulatedDriver

    return EmulatedDriver


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Boards that need not be there."""
    yield DeviceKind(
        name="emulated",
        summary="a board's processor by QEMU: its kernels' answers, not its times",
        driver=_driver,
        clock="emulated",
        known=known,
    )
