"""Arm Ethos-U: what a file would cost on the NPU, as Arm's compiler Vela estimates it.

Nothing is measured: each figure is an estimate for one accelerator, system configuration and memory
mode, which are told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, get_args

from zoo.contracts import DeviceKind, DeviceOptions

from .accelerators import Accelerator

# Lists, help and completions load this file: what estimates imports pydantic.
if TYPE_CHECKING:
    from .estimate import EthosUDriver
    from .vela_options import EthosUOptions


def known() -> Mapping[str, DeviceOptions]:
    """Every accelerator that Vela compiles for."""
    return {name: {"accelerator": name} for name in get_args(Accelerator)}


def _driver() -> type[EthosUDriver]:
    from .estimate import EthosUDriver

    return EthosUDriver


def _options() -> type[EthosUOptions]:
    from .vela_options import EthosUOptions

    return EthosUOptions


def kinds() -> Iterator[DeviceKind]:
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
