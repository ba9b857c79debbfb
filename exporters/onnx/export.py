"""ONNX: the exchange format of ONNX Runtime, OpenVINO and browsers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts import Exporter, ExportRequest, LayerComparison, LayerRequest
from zoo.contracts.exporter import Written
from zoo.contracts.rounding import RoundingRequest

from ..shared.not_finite import refuse_weights
from ..shared.recurrent import reuse_folder
from .axes import name_axes
from .contents import inspect, read_manifest, recognises, write_manifest
from .conversion import convert
from .decoder import with_decoder
from .external_data import is_large, refuse_large, store
from .front_end import with_front_end
from .half_precision import to_float16
from .options import in_layout, layout_of, options
from .qat import with_trained_ranges
from .quantization import quantized, with_small_weights
from .usage import usage

#: Precisions whose weights have four bits.
FOUR_BITS = ("int4-blocks", "int4-weights")

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo.contracts.network_entry import NetworkEntry


def export(request: ExportRequest) -> Written:
    """Converts with tf2onnx; smaller precisions are made by ONNX Runtime's tools."""
    if request.precision not in ("float32", "float16"):
        refuse_weights(request.model, request.precision)
    layout = layout_of(request)
    refuse_large(request.model, request.precision)
    model, remarks = _converted(request, layout)
    request = in_layout(request, layout)
    told = Written()
    if request.precision == "float16":
        model = to_float16(model)
    elif request.precision == "dynamic-int8":
        model = with_small_weights(model)
    elif request.precision in FOUR_BITS:
        from .four_bits import written_in_four_bits

        model, chosen = written_in_four_bits(model, request)
        remarks = (*remarks, *chosen)
    elif request.trained:
        model = with_trained_ranges(model, request)
    elif request.precision == "int8":
        model, told = quantized(model, request)
    model = with_front_end(with_decoder(model, request), request)
    front = request.front_end
    name_axes(model.graph, request.axes if front is None else front.preprocessing.axes)
    store(model, request.path)
    return replace(told, remarks=(*remarks, *told.remarks))


def _converted(request: ExportRequest, layout: str) -> tuple[Any, tuple[str, ...]]:
    """The float network, which is the same at each precision, and remarks."""
    folder = None if is_large(request.model) else reuse_folder(request)
    if folder is None:
        return convert(request, channels_first=layout == "nchw")
    from ..quantization.reuse import reused

    def make() -> bytes:
        model, _ = convert(request, channels_first=layout == "nchw")  # without remarks
        return bytes(model.SerializeToString())

    return require("onnx").load_from_string(reused(folder, "float.onnx", make)), ()


def compare_layers(request: LayerRequest) -> LayerComparison:
    """Layer comparison, imported lazily: lists must not wait for numpy."""
    from .layer_comparison import compare_layers as compare

    return compare(request)


def network_entry(path: Path, inputs: NDArray[Any], results: bool) -> NetworkEntry:
    """The entry of a file's network, imported lazily: lists must not wait for numpy."""
    from .network_entry import network_entry as measure

    return measure(path, inputs, results)


def round_weights(request: RoundingRequest) -> str:
    """A Keras network's weights as in a file, imported lazily: lists must not wait for numpy."""
    if request.precision == "float16":
        from ..shared.half_weights import halve_weights

        return halve_weights(request)
    from .four_bits import round_weights as rounded

    return rounded(request)


def formats() -> Iterator[Exporter]:
    """Yields the format."""
    yield Exporter(
        name="onnx",
        summary="ONNX: ONNX Runtime, OpenVINO, browsers",
        also_called=("ort", "onnxruntime"),
        suffix=".onnx",
        precisions=("float32", "float16", "dynamic-int8", "int8", *FOUR_BITS),
        export=export,
        inspect=inspect,
        read_manifest=read_manifest,
        write_manifest=write_manifest,
        recognises=recognises,
        usage=usage,
        runtimes=("onnxruntime",),
        extra="onnx",
        distributions=("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"),
        options=options,
        mixes=("int8", *FOUR_BITS),
        compare_layers=compare_layers,
        network_entry=network_entry,
        round_weights=round_weights,
        rounds_results=("float16",),
        takes_trained=True,
        takes_decoder=True,
        takes_front_end=True,
    )
