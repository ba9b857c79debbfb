"""Arm's Ethos-U NPUs: what a file would cost there, as Arm's compiler Vela estimates it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from zoo.contracts import DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from .driver import EthosUDriver
    from .vela_options import EthosUOptions


def known() -> dict[str, DeviceOptions]:
    """Every accelerator that Vela compiles for."""
    from .accelerators import Accelerator

    return {name: {"accelerator": name} for name in get_args(Accelerator)}


def _driver() -> type[EthosUDriver]:
    from .driver import EthosUDriver

    return EthosUDriver


def _options() -> type[EthosUOptions]:
    from .vela_options import EthosUOptions

    return EthosUOptions


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """NPUs that nobody has to own."""
    yield DeviceKind(
        name="ethos-u",
        summary="Arm Ethos-U NPUs, by Vela: estimates alone",
        driver=_driver,
        options=_options,
        extra="ethos-u",
        distributions=("ethos-u-vela",),
        formats=("tflite",),
        clock="estimated",
        known=known,
    )
