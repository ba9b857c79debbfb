"""Android phones and boards, by ADB."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.contracts import DeviceDriver, DeviceKind, Runtime
from zoo.hookspecs import hookimpl


def _driver() -> type[DeviceDriver[Any]]:
    from .driver import AdbDriver

    return AdbDriver


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Phones that ADB reaches."""
    yield DeviceKind(
        name="adb",
        summary="an Android phone, by ADB",
        driver=_driver,
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
