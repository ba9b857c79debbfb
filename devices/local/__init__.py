"""This machine: its processors and its GPU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.contracts import DeviceDriver, DeviceKind
from zoo.hookspecs import hookimpl


def _host() -> type[DeviceDriver[Any]]:
    from .host import HostDriver

    return HostDriver


def _gpu() -> type[DeviceDriver[Any]]:
    from .gpu import GpuDriver

    return GpuDriver


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """The host, a device that everybody has, and its GPU."""
    yield DeviceKind(
        name="host",
        summary="this machine, in fresh processes",
        driver=_host,
        distributions=(
            *("ai-edge-litert", "tflite-runtime", "onnxruntime"),
            *("openvino", "tflite-micro", "numpy"),
        ),
        local=True,
    )
    yield DeviceKind(
        name="gpu",
        summary="a GPU of this machine; its times count only where operators ran on it",
        driver=_gpu,
        distributions=("ai-edge-litert", "onnxruntime-gpu", "openvino", "numpy"),
    )
