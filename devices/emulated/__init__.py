"""Boards whose processor QEMU emulates here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.contracts import DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from .driver import EmulatedDriver
    from .options import EmulatedOptions


def known() -> dict[str, DeviceOptions]:
    """Boards that need no entry of their own."""
    from .boards import BOARDS, PREFIX

    return {f"{PREFIX}{name}": {"board": name} for name in BOARDS}


def _driver() -> type[EmulatedDriver]:
    from .driver import EmulatedDriver

    return EmulatedDriver


def _options() -> type[EmulatedOptions]:
    from .options import EmulatedOptions

    return EmulatedOptions


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Boards that need not be there."""
    yield DeviceKind(
        name="emulated",
        summary="a board's processor by QEMU: its kernels' answers, not its times",
        driver=_driver,
        options=_options,
        clock="emulated",
        known=known,
    )
