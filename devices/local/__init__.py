"""This machine: its processors and its GPU."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.common.modules import lazy
from zoo.contracts import DeviceKind
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """The host, a device that everybody has, and its GPU."""
    yield DeviceKind(
        name="host",
        summary="this machine, in fresh processes",
        also_called=("cpu", "pc", "laptop", "desktop", "local", "localhost"),
        driver=lazy("zoo.devices.local.host:HostDriver"),
        distributions=(
            *("ai-edge-litert", "tflite-runtime", "onnxruntime"),
            *("openvino", "tflite-micro", "numpy"),
        ),
        local=True,
    )
    yield DeviceKind(
        name="gpu",
        summary="a GPU of this machine; its times count only where operators ran on it",
        also_called=("cuda", "nvidia"),
        driver=lazy("zoo.devices.local.gpu:GpuDriver"),
        distributions=(
            *("ai-edge-litert", "onnxruntime-gpu", "onnxruntime-webgpu", "openvino", "numpy"),
        ),
    )
