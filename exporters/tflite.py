"""TensorFlow Lite, also called LiteRT: flatbuffers for phones, boards and microcontrollers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.contracts import Exporter, ExportRequest, LayerComparison, LayerRequest
from zoo.contracts.exporter import CALIBRATED
from zoo.extras import require
from zoo.hookspecs import hookimpl

from .tflite_contents import inspect, read_manifest, recognises, write_manifest
from .tflite_integers import convert_to_integers
from .tflite_lstm import form_of, with_usable_states, written_as
from .tflite_sparse import store_sparsely

if TYPE_CHECKING:
    from pydantic import BaseModel


def export(request: ExportRequest) -> Sequence[str]:
    """Converts with TensorFlow's converter.

    The model has a static batch of one: with a symbolic batch the runtime prepares every call
    anew, and some kernels are many times slower.
    """
    tf = require("tensorflow")
    keras = require("keras")
    model = keras.Model(request.model.inputs, {request.output_name: request.model.outputs[0]})
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    form = form_of(request.recurrent, request.precision)
    with written_as(form, request.precision, model) as remarks:
        data = _convert(converter, request, tf)
    request.path.write_bytes(with_usable_states(data))
    return tuple(remarks)


def _convert(converter: Any, request: ExportRequest, tf: Any) -> bytes:
    if request.precision in CALIBRATED:
        return convert_to_integers(converter, request)
    if request.precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    store_sparsely(converter, request)
    return bytes(converter.convert())


def compare_layers(request: LayerRequest) -> LayerComparison:
    """Runs a file and its float twin with all tensors kept; lists must not wait for numpy."""
    from .tflite_layers import compare_layers as compare

    return compare(request)


def options() -> type[BaseModel]:
    """The options of this format; lists must not wait for pydantic."""
    from .tflite_options import TfliteOptions

    return TfliteOptions


@hookimpl
def zoo_exporters() -> Any:
    """Yields the format."""
    yield Exporter(
        name="tflite",
        summary="TensorFlow Lite / LiteRT: phones, boards, microcontrollers",
        suffix=".tflite",
        precisions=("float32", "float16", "dynamic-int8", "int8", "int16x8"),
        export=export,
        inspect=inspect,
        read_manifest=read_manifest,
        write_manifest=write_manifest,
        recognises=recognises,
        runtimes=("litert", "tflite-runtime"),
        extra="tflite",
        options=options,
        sparse={"sparse": True},
        distributions=("tensorflow", "keras"),
        compare_layers=compare_layers,
    )
