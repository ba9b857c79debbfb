"""The kinds of processor that files are written for; a new one is a few lines here or in a plugin.

What an exporter does with a target is its own affair: TFLite's integers, for one, are signed
whatever the processor, while ONNX leaves the choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import Target
from zoo.hookspecs import hookimpl

_ONNX_RUNTIME = "https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html"
_LITERT = "https://ai.google.dev/edge/litert/models/quantization_spec"
_X86, _ARM64 = ("x86_64", "AMD64"), ("aarch64", "arm64")
_EVERYWHERE = ("int8", "dynamic-int8", "float32")


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
    )
    yield Target(
        name="x86-avx2",
        summary="x86 without them: products of bytes saturate in 16 bits",
        source=_ONNX_RUNTIME,
        machines=_X86,
        level=1,
        precisions=_EVERYWHERE,
        activations="unsigned",
        reduced_range=True,
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
        summary="64-bit Arm without them: Raspberry Pi 3 and 4",
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
        per_channel_dense=False,
        interface="int8",
        recurrent={"float32": "fused", "int8": "fused"},
    )
    yield Target(
        name="ethos-u55",
        summary="Arm's Ethos-U NPUs beside a microcontroller, by way of Vela",
        source="https://developer.arm.com/documentation/109267/latest/",
        aliases=("npu", "ethos-u65"),
        precisions=("int8",),
        per_channel_dense=False,
        interface="int8",
        # Vela leaves the fused operator to the processor; written out steps run on the NPU.
        recurrent={"int8": "unrolled"},
    )
    yield Target(
        name="browser",
        summary="onnxruntime-web and LiteRT.js: WebAssembly and WebGPU",
        source="https://onnxruntime.ai/docs/tutorials/web/",
        precisions=("int8", "dynamic-int8", "float32"),
        activations="unsigned",
        # WebAssembly's SIMD adds pairs of products in 16 bits, as x86 without VNNI does.
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
