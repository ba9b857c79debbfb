"""Android phones and boards, by ADB."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.contracts import DeviceKind, Runtime
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from .driver import AdbDriver
    from .options import AdbOptions


def _driver() -> type[AdbDriver]:
    from .driver import AdbDriver

    return AdbDriver


def _options() -> type[AdbOptions]:
    from .options import AdbOptions

    return AdbOptions


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Phones that ADB reaches."""
    yield DeviceKind(
        name="adb",
        summary="an Android phone, by ADB",
        driver=_driver,
        options=_options,
        extra="adb",
        remote=True,
    )


@hookimpl
def zoo_runtimes() -> Iterable[Runtime]:
    """The benchmark tool that users may supply for a phone."""
    yield Runtime(
        name="benchmark_model",
        summary="LiteRT's own benchmark program, which keeps no single times",
        formats=("tflite",),
        tool=True,
    )
