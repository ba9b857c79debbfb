"""Arm's Ethos-U NPUs: what a file would cost there, as Arm's compiler Vela estimates it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from zoo.contracts import DeviceDriver, DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl


def known() -> dict[str, DeviceOptions]:
    """Every accelerator that Vela compiles for."""
    from .accelerators import Accelerator

    return {name: {"accelerator": name} for name in get_args(Accelerator)}


def _driver() -> type[DeviceDriver[Any]]:
    from .driver import EthosUDriver

    return EthosUDriver


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """NPUs that nobody has to own."""
    yield DeviceKind(
        name="ethos-u",
        summary="Arm Ethos-U NPUs, by Vela: estimates alone",
        driver=_driver,
        extra="ethos-u",
        distributions=("ethos-u-vela",),
        formats=("tflite",),
        clock="estimated",
        known=known,
    )
