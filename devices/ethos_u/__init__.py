"""Arm's Ethos-U NPUs: what a file would cost there, as Arm's compiler Vela estimates it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from zoo.common.modules import lazy
from zoo.contracts import DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl


def known() -> dict[str, DeviceOptions]:
    """Every accelerator that Vela compiles for."""
    from .accelerators import Accelerator

    return {name: {"accelerator": name} for name in get_args(Accelerator)}


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """NPUs that nobody has to own."""
    yield DeviceKind(
        name="ethos-u",
        summary="Arm Ethos-U NPUs, by Vela: estimates alone",
        driver=lazy("zoo.devices.ethos_u.driver:EthosUDriver"),
        extra="ethos-u",
        distributions=("ethos-u-vela",),
        formats=("tflite",),
        clock="estimated",
        known=known,
    )
