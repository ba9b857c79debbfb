"""ONNX Runtime's WebGPU provider: a GPU of any maker, by Vulkan or Metal.

It does not tell which adapter it took, so Vulkan's loader is asked which there are.
"""

from __future__ import annotations

import sys
from typing import Any

from ..common import AgentError, Json
from ..vulkan import adapters, without_imitations
from .base import LoadRequest, Model, Options
from .onnxruntime import CPU_PROVIDER, OnnxModel

MODULE = "onnxruntime"
RUNS_ON_GPU = True
PROVIDER = "WebGpuExecutionProvider"


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens an ONNX file on a GPU.

    Raises:
        AgentError: There is none, it is imitated, or this ONNX Runtime has no such provider.
    """
    if options.gpu is None:
        raise AgentError("NotOnGpu", "onnxruntime-webgpu is for GPUs: a device of kind gpu runs it")
    there = module.get_available_providers()
    if PROVIDER not in there:
        raise AgentError(
            "MissingRuntime",
            f"the ONNX Runtime of this Python is another: it has {', '.join(there)}; "
            "`zoo devices setup gpu` makes an environment for onnxruntime-webgpu",
        )
    module.disable_telemetry_events()
    return _WebGpuModel(module, request, options)


class _WebGpuModel(OnnxModel):
    """An ONNX file on WebGPU; its shaders are compiled by the first inference."""

    api = "InferenceSession.run, read back"

    def __init__(self, module: Any, request: LoadRequest, options: Options) -> None:
        self._where = where(options.software)
        # Which GPU it takes, it decides by itself: it has no option for its number.
        backend = {"dawnBackendType": "Vulkan"} if sys.platform == "linux" else {}
        super().__init__(module, request, options, [PROVIDER, CPU_PROVIDER], backend)

    def delegate(self) -> Json:
        used = list(self._session.get_providers())
        return {**self._where, "providers": used, "precision": "f32"}

    def locate(self) -> Json:
        return {**super().locate(), **self._where, "precision": "f32"}


def where(software: bool) -> Json:
    """The adapter that operators run on, as far as it is known.

    Raises:
        AgentError: No adapter is there, or none that is surely a GPU.
    """
    if sys.platform == "darwin":
        return {"name": "WebGPU (Metal)", "adapter": None, "software": False}  # which imitates none
    if sys.platform != "linux":
        if not software:
            raise AgentError(
                "NotOnGpu", "whether its adapter is a GPU cannot be found out on this system"
            )
        return {"name": "WebGPU", "adapter": None, "software": True}
    found = adapters()
    if not found:
        raise AgentError("NotOnGpu", "Vulkan lists no GPU here")
    if not software:
        if all(adapter.software for adapter in found):
            raise AgentError("NotOnGpu", f"{found[0].name} is the processor, which imitates a GPU")
        without_imitations()
        found = adapters()
    names = " or ".join(dict.fromkeys(adapter.name for adapter in found))
    imitated = [adapter.name for adapter in found if adapter.software]
    if imitated and not software:
        raise AgentError(
            "NotOnGpu",
            f"Vulkan lists an imitated GPU, {imitated[0]}, beside a real one, and ONNX Runtime "
            "does not tell which it takes: VK_DRIVER_FILES=FILE names the driver of the real one",
        )
    told = f"{names} (Vulkan){', software' if imitated else ''}"
    return {"name": told, "adapter": names, "software": bool(imitated)}
