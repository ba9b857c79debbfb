"""ONNX: the exchange format of ONNX Runtime, OpenVINO and browsers."""

from __future__ import annotations

from typing import Any

from zoo.contracts import Exporter, ExportRequest, LayerComparison, LayerRequest
from zoo.contracts.exporter import Written
from zoo.hookspecs import hookimpl

from .onnx_axes import name_axes
from .onnx_contents import inspect, read_manifest, recognises, write_manifest
from .onnx_conversion import convert
from .onnx_options import in_layout, layout_of, options
from .onnx_quantization import quantized, to_float16, with_small_weights
from .onnx_storage import refuse_large, store
from .onnx_trained import with_trained_ranges
from .onnx_usage import usage


def export(request: ExportRequest) -> Written:
    """Converts with tf2onnx; smaller precisions are made by ONNX Runtime's tools."""
    layout = layout_of(request)
    refuse_large(request.model, request.precision)
    model, remarks = convert(request, channels_first=layout == "nchw")
    request = in_layout(request, layout)
    method = ""
    if request.precision == "float16":
        model = to_float16(model)
    elif request.precision == "dynamic-int8":
        model = with_small_weights(model)
    elif request.trained:
        model = with_trained_ranges(model, request)
    elif request.precision == "int8":
        model, method, chosen = quantized(model, request)
        remarks = (*remarks, *chosen)
    name_axes(model.graph, request.axes)
    store(model, request.path)
    return Written(remarks=remarks, method=method)


def compare_layers(request: LayerRequest) -> LayerComparison:
    """Runs a file and its float twin with all tensors kept; lists must not wait for numpy."""
    from .onnx_layers import compare_layers as compare

    return compare(request)


@hookimpl
def zoo_exporters() -> Any:
    """Yields the format."""
    yield Exporter(
        name="onnx",
        summary="ONNX: ONNX Runtime, OpenVINO, browsers",
        suffix=".onnx",
        precisions=("float32", "float16", "dynamic-int8", "int8"),
        export=export,
        inspect=inspect,
        read_manifest=read_manifest,
        write_manifest=write_manifest,
        recognises=recognises,
        usage=usage,
        runtimes=("onnxruntime",),
        more_runtimes=("openvino",),
        extra="onnx",
        distributions=("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"),
        options=options,
        mixes=("int8",),
        compare_layers=compare_layers,
        takes_trained=True,
    )
