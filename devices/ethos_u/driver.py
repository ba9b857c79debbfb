"""Arm Ethos-U: what a file would cost on the NPU, as Arm's compiler Vela estimates it.

Nothing is measured: each figure is an estimate for one accelerator, system configuration and memory
mode, which are told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from zoo.common.optional_imports import installed
from zoo.contracts import DeviceKind, DeviceOptions, Examination, Specimen

from .accelerators import Accelerator

# Lists, help and completions load this file: what estimates imports pydantic.
if TYPE_CHECKING:
    from pydantic import BaseModel


def examine(given: DeviceOptions, specimen: Specimen) -> Examination:
    """What Vela estimates of one file.

    Raises:
        MissingExtra: Vela is not installed.
        Unsupported: The file computes in real numbers.
        ZooError: Vela cannot compile it.
    """
    from .estimate import examine as examined

    return examined(given, specimen)


def fingerprint(given: DeviceOptions) -> str:
    """Of the options, the configuration file and Vela: another of them is another estimate."""
    from .estimate import fingerprint as told

    return told(given)


def runtimes(given: DeviceOptions) -> Sequence[str]:
    """Vela, where it is installed."""
    return ["ethos-u-vela"] if installed("ethosu") else []


def address(given: DeviceOptions) -> str:
    """Accelerator, system and memory mode."""
    from .vela_options import Options

    options = Options.model_validate(dict(given))
    return f"{options.accelerator}, {options.system}, {options.memory}"


def known() -> Mapping[str, DeviceOptions]:
    """Every accelerator that Vela compiles for."""
    return {name: {"accelerator": name} for name in get_args(Accelerator)}


def _options() -> type[BaseModel]:
    from .vela_options import Options

    return Options


def kinds() -> Iterator[DeviceKind]:
    """NPUs that nobody has to own."""
    yield DeviceKind(
        name="ethos-u",
        summary="Arm Ethos-U NPUs, by Vela: estimates alone",
        examine=examine,
        formats=("tflite",),
        clock="estimated",
        known=known,
        options=_options,
        address=address,
        fingerprint=fingerprint,
        runtimes=runtimes,
        extra="ethos-u",
        distributions=("ethos-u-vela",),
    )
