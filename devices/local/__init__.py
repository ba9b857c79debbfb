"""This machine: its processors and its GPU."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.contracts import DeviceKind
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from .gpu import GpuDriver
    from .host import HostDriver
    from .options import GpuOptions, HostOptions


def _host() -> type[HostDriver]:
    from .host import HostDriver

    return HostDriver


def _host_options() -> type[HostOptions]:
    from .options import HostOptions

    return HostOptions


def _gpu() -> type[GpuDriver]:
    from .gpu import GpuDriver

    return GpuDriver


def _gpu_options() -> type[GpuOptions]:
    from .options import GpuOptions

    return GpuOptions


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """The host, a device that everybody has, and its GPU."""
    yield DeviceKind(
        name="host",
        summary="this machine, in fresh processes",
        driver=_host,
        options=_host_options,
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
        options=_gpu_options,
        distributions=("ai-edge-litert", "onnxruntime-gpu", "openvino", "numpy"),
    )
