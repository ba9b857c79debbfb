"""The kinds of processor that files are written for; a new one is a few lines here or in a plugin.

What an exporter does with a target is its own affair: TFLite's integers, for one, are signed
whatever the processor, while ONNX leaves the choice.

Each value is documented where `Target.source` says, or was measured:

* Signs and ranges of ONNX files: the guidance in the docstring of ONNX Runtime's
  ``quantize_static``. On x86 unsigned activations, with weights of 7 bits where products of bytes
  saturate; on Arm signed ones.
* One scale for a dense layer: LiteRT's specification requires it (``FULLY_CONNECTED``, granularity
  per-tensor). LiteRT's own kernels take one per channel as well; older ones of TensorFlow Lite
  Micro do not.
* Forms of LSTM on x86: ``zoo bench`` on ``lstm_small.fashion_mnist_rows`` in LiteRT 2.3 on one
  thread of an x86 with AVX-512 VNNI, p50 in microseconds, fused, unrolled, loop: float32 101, 76,
  71; float16 95, 82, 71; dynamic-int8 86, 39, 49; int8 850, 39, none; int16x8 none, 554, none.
* The form of LSTM for Ethos-U: Vela 5.2 puts the fused operator on the NPU (all but the
  normalization of the input), in 52 KB of flash where written out steps take 277 KB.
"""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import Target
from zoo.hookspecs import hookimpl

_ONNX_RUNTIME = "https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html"
_LITERT = "https://developers.google.com/edge/litert/quantization/quantization_spec"
_X86, _ARM64 = ("x86_64", "AMD64"), ("aarch64", "arm64")
_EVERYWHERE = ("int8", "dynamic-int8", "float32")
_X86_LSTM = {
    "float32": "while",
    "float16": "while",
    "dynamic-int8": "unrolled",
    "int8": "unrolled",
    "int16x8": "unrolled",
    "int4-blocks": "unrolled",
    "int4-weights": "unrolled",
}


@hookimpl
def zoo_targets() -> Iterator[Target]:
    """Yields every built-in target."""
    yield Target(
        name="x86-vnni",
        summary="x86 with dot products of bytes (AVX-512 VNNI, AVX-VNNI)",
        source=_ONNX_RUNTIME,
        machines=_X86,
        cpu_flags=("avx512_vnni", "avx_vnni"),
        level=2,
        precisions=_EVERYWHERE,
        activations="unsigned",
        recurrent=_X86_LSTM,
    )
    yield Target(
        name="x86-avx2",
        summary="x86 without dot products of bytes: pairs of products saturate in 16 bits",
        source=_ONNX_RUNTIME,
        machines=_X86,
        level=1,
        precisions=_EVERYWHERE,
        activations="unsigned",
        reduced_range=True,
        recurrent=_X86_LSTM,
    )
    yield Target(
        name="arm64-dotprod",
        summary="64-bit Arm with dot products of bytes: phones since 2018, Raspberry Pi 5",
        source=_ONNX_RUNTIME,
        machines=_ARM64,
        cpu_flags=("asimddp", "i8mm"),
        level=2,
        precisions=_EVERYWHERE,
    )
    yield Target(
        name="arm64",
        summary="64-bit Arm without dot products of bytes: Raspberry Pi 3 and 4",
        source=_ONNX_RUNTIME,
        machines=_ARM64,
        level=1,
        precisions=_EVERYWHERE,
    )
    yield Target(
        name="armv7",
        summary="32-bit Arm with NEON: older boards and phones",
        source=_LITERT,
        machines=("armv7l", "armv8l"),
        level=1,
        precisions=_EVERYWHERE,
    )
    yield Target(
        name="mcu",
        summary="microcontrollers: TensorFlow Lite Micro, CMSIS-NN",
        source=_LITERT,
        precisions=("int8",),
        interface="int8",
        recurrent={"float32": "fused", "int8": "fused"},
    )
    yield Target(
        name="ethos-u55",
        summary="Arm's Ethos-U NPUs beside a microcontroller, by way of Vela",
        source="https://arm-software.github.io/CMSIS-Ethos-U/main/vela/index.html",
        aliases=("npu", "ethos-u65"),
        precisions=("int8",),
        interface="int8",
        recurrent={"int8": "fused"},
    )
    yield Target(
        name="browser",
        summary="onnxruntime-web and LiteRT.js: WebAssembly and WebGPU",
        source="https://onnxruntime.ai/docs/tutorials/web/",
        precisions=("int8", "dynamic-int8", "float32"),
        activations="unsigned",
        # Of the two operands of i32x4.relaxed_dot_i8x16_i7x16_add_s one has 7 bits.
        reduced_range=True,
    )
    yield Target(
        name="android-gpu",
        summary="GPUs of phones: half precision",
        source="https://ai.google.dev/edge/litert/android/gpu",
        precisions=("float16", "float32"),
        interface="float32",
        recurrent={"float32": "unrolled", "float16": "unrolled"},
    )
