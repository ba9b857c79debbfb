"""Runtimes as requests describe them, and the agent's own."""

from __future__ import annotations

from typing import NamedTuple

from ..common import AgentError, Json


class RuntimeDescription(NamedTuple):
    """A runtime as a request describes it; `base` says what each field means."""

    name: str
    distributions: tuple[str, ...]
    source: str = ""


#: Distributions beyond the first bring the runtime for GPUs, or without them.
OWN = {
    name: RuntimeDescription(name, distributions)
    for name, distributions in (
        ("litert", ("ai-edge-litert",)),
        ("tflite-runtime", ("tflite-runtime",)),
        (
            "onnxruntime",
            ("onnxruntime", "onnxruntime-gpu", "onnxruntime-rocm", "onnxruntime-directml"),
        ),
        ("onnxruntime-webgpu", ("onnxruntime-webgpu",)),
        ("openvino", ("openvino",)),
        (
            "opencv",
            (
                *("opencv-python-headless", "opencv-python"),
                *("opencv-contrib-python-headless", "opencv-contrib-python"),
            ),
        ),
        ("tflite-micro", ("tflite-micro",)),
        ("tensorflow", ("tensorflow", "tensorflow-cpu")),
    )
}
#: It runs networks before their export, and no files: no device has it for what users ship.
REFERENCE = "tensorflow"


def described(told: Json) -> RuntimeDescription:
    """The description in a request."""
    distributions = tuple(map(str, told["distributions"]))
    return RuntimeDescription(str(told["name"]), distributions, str(told.get("source") or ""))


def own_runtime(name: str) -> RuntimeDescription:
    """The agent's own runtime of a name."""
    if name not in OWN:
        known = ", ".join(sorted(OWN))
        raise AgentError("MissingRuntime", f"the agent has no runtime {name}; it has {known}")
    return OWN[name]
