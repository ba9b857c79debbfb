"""Android phones and boards, by ADB."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.common.modules import lazy
from zoo.contracts import DeviceKind, Runtime
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Phones that ADB reaches."""
    yield DeviceKind(
        name="adb",
        summary="an Android phone, by ADB",
        also_called=("android", "phone"),
        driver=lazy("zoo.devices.adb.driver:AdbDriver"),
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
