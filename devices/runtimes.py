"""The runtimes whose agent sources come with the agent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import zoo
from zoo.contracts import FileContents, Runtime
from zoo.hookspecs import hookimpl

_PROBES = Path(zoo.__file__).with_name("execution") / "probe_files"


def _no_four_bits(contents: FileContents) -> str:
    """Of runtimes without kernels that multiply real numbers by weights of 4 bits."""
    if not contents.hybrid_operators or "int4" not in contents.weight_types:
        return ""
    return (
        "it has no kernels that multiply by weights of 4 bits; LiteRT has, and files of int8 run "
        "here"
    )


def _no_hybrids(contents: FileContents) -> str:
    """Of OpenCV, where products of real numbers and whole-number weights end in failed checks."""
    if not contents.hybrid_operators and "DynamicQuantizeLinear" not in contents.operators:
        return ""
    return (
        "it does not multiply real numbers by weights of 8 or 4 bits; float32 and float16 files "
        "run here, and so do ONNX files of int8"
    )


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
        refusal=_no_four_bits,
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
        name="onnxruntime-webgpu",
        summary="ONNX Runtime on a GPU of any maker, by WebGPU",
        formats=("onnx",),
        module="onnxruntime",
        distributions=("onnxruntime-webgpu",),
        probe=_PROBES / "dense.onnx",
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
        name="opencv",
        summary="OpenCV's dnn module, which reads ONNX and TFLite files",
        formats=("onnx", "tflite"),
        module="cv2",
        distributions=(
            *("opencv-python-headless", "opencv-python"),
            *("opencv-contrib-python-headless", "opencv-contrib-python"),
        ),
        extra="opencv",
        refusal=_no_hybrids,
        probe=_PROBES / "dense.onnx",
    ),
    Runtime(
        name="tflite-micro",
        summary="TensorFlow Lite Micro's reference kernels, on this machine",
        formats=("tflite",),
        module="tflite_micro",
        distributions=("tflite-micro",),
        extra="micro",
        refusal=_no_four_bits,
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

#: Those that run nothing on the processor; their module may be another runtime's, too.
GPU_ALONE = ("onnxruntime-webgpu",)


@hookimpl
def zoo_runtimes() -> Iterable[Runtime]:
    """Those of TFLite and ONNX files, and the one that networks come from."""
    yield from RUNTIMES
