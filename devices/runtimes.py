"""The runtimes whose agent sources come with the agent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import zoo
from zoo.contracts import Runtime
from zoo.hookspecs import hookimpl

_PROBES = Path(zoo.__file__).with_name("execution") / "probe_files"

RUNTIMES = (
    Runtime(
        name="litert",
        summary="LiteRT, once TensorFlow Lite: CompiledModel and the classic interpreter",
        formats=("tflite",),
        module="ai_edge_litert.interpreter",
        distributions=("ai-edge-litert",),
        extra="tflite",
        probe=_PROBES / "dense.tflite",
        setup=True,
        gpu=True,
    ),
    Runtime(
        name="tflite-runtime",
        summary="the last TensorFlow Lite runtime of that name, 2.14",
        formats=("tflite",),
        module="tflite_runtime.interpreter",
        distributions=("tflite-runtime",),
        probe=_PROBES / "dense.tflite",
    ),
    Runtime(
        name="onnxruntime",
        summary="ONNX Runtime",
        formats=("onnx",),
        module="onnxruntime",
        distributions=(
            *("onnxruntime", "onnxruntime-gpu"),
            *("onnxruntime-rocm", "onnxruntime-directml"),
        ),
        extra="onnx",
        probe=_PROBES / "dense.onnx",
        setup=True,
        gpu=True,
    ),
    Runtime(
        name="openvino",
        summary="OpenVINO, which reads ONNX and TFLite files",
        formats=("onnx", "tflite"),
        module="openvino",
        distributions=("openvino",),
        extra="openvino",
        probe=_PROBES / "dense.onnx",
        gpu=True,
    ),
    Runtime(
        name="tflite-micro",
        summary="TensorFlow Lite Micro's reference kernels, on this machine",
        formats=("tflite",),
        module="tflite_micro",
        distributions=("tflite-micro",),
        extra="micro",
        probe=_PROBES / "dense.tflite",
    ),
    Runtime(
        name="tensorflow",
        summary="TensorFlow, for networks as they were before their export",
        module="tensorflow",
        distributions=("tensorflow", "tensorflow-cpu"),
        extra="train",
        reference=True,
    ),
)


@hookimpl
def zoo_runtimes() -> Iterable[Runtime]:
    """Those of TFLite and ONNX files, and the one that networks come from."""
    yield from RUNTIMES
