"""Integer layout of a file's target."""

from __future__ import annotations

from zoo.contracts import ExportRequest, Target

#: The layout without a target: correct everywhere, and fast on x86.
ANYWHERE = Target(
    name="anywhere",
    summary="no processor in particular",
    source="https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html",
    precisions=("float32",),
    activations="unsigned",
)


def scheme_of(request: ExportRequest) -> Target:
    """The target whose layout of integers a file takes."""
    return ANYWHERE if request.target is None else request.target
