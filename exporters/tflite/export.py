"""TensorFlow Lite, also called LiteRT: flatbuffers for phones, boards and microcontrollers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.contracts import Exporter, ExportRequest, LayerComparison, LayerRequest
from zoo.contracts.exporter import Written
from zoo.contracts.rounding import RoundingRequest

from ..shared.enlarging import enlarged_by_resizing
from ..shared.not_finite import refuse_weights
from ..shared.recurrent import reuse_folder
from .activations import with_own_activations
from .contents import inspect, read_manifest, recognises, with_appended, write_manifest
from .decoder import with_decoder
from .free_sides import begin_with_sizes_of_data, refuse_free_sides
from .front_end import with_front_end
from .integer import convert_to_integers, convert_trained
from .leftovers import leftovers_refused
from .lstm import form_of, with_usable_states, written_as
from .metadata import with_metadata
from .schema import read_model, serialize
from .sparsity import store_sparsely
from .tensor_names import name_inputs, name_outputs, shorten
from .usage import usage

#: Precisions whose files are made of those with weights of 8 bits.
FOUR_BITS = ("int4-blocks", "int4-weights")

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pydantic import BaseModel

    from zoo.contracts.network_entry import NetworkEntry


def export(request: ExportRequest) -> Written:
    """Converts with TensorFlow's converter.

    The model has a static batch of one: with a symbolic batch the runtime prepares every call
    anew, and some kernels are many times slower.
    """
    refuse_free_sides(request)
    if request.precision not in ("float32", "float16"):
        refuse_weights(request.model, request.precision)
    tf = require("tensorflow")
    keras = require("keras")
    named = dict(zip(request.output_names, request.outputs, strict=True))
    model = keras.Model(request.model.inputs, named)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    form = form_of(request)
    with (
        written_as(form, request.precision, model) as others,
        enlarged_by_resizing(model, divides=False),
        leftovers_refused(model),
    ):
        data, told = _convert(converter, request, tf)
    data = _compact(with_own_activations(with_usable_states(data)), model, request)
    if request.decoder is not None:
        data, own = with_decoder(data, request), request.decoder
        request = replace(request, output_names=own.names, output_contents=own.contents)
    if request.front_end is not None:
        data, record = with_front_end(data, request), request.front_end.preprocessing
        request = replace(request, input_name=record.called, sample_rate=record.sample_rate)
    data, beside = with_metadata(data, request)
    request.path.write_bytes(with_appended(data, beside))
    return replace(told, remarks=(*others, *told.remarks))


def _compact(data: bytes, model: Any, request: ExportRequest) -> bytes:
    """The same graph in fewer bytes; several inputs or outputs in their order, under their names.

    A single input's signature has the name, too, that Keras may not allow.
    """
    content = read_model(data)
    if len(request.output_names) > 1:
        name_outputs(content, request.output_names)
    if request.input_names:
        name_inputs(content, model, request.input_names)
    elif request.input_name != model.inputs[0].name:
        content.signatureDefs[0].inputs[0].name = request.input_name.encode()
    if request.free_sides:
        begin_with_sizes_of_data(content, request)
    for graph in content.subgraphs:
        shorten(graph, model)
    return serialize(content, len(data))


def _convert(converter: Any, request: ExportRequest, tf: Any) -> tuple[bytes, Written]:
    from ..quantization.reuse import reused  # lists and help must not wait for numpy

    if request.trained:
        return convert_trained(converter, request), Written()
    if request.calibration is not None:
        return convert_to_integers(converter, request)
    if request.precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.precision == "dynamic-int8":
        # Dense weights with a scale for each row need a kernel that the last tflite-runtime, 2.14,
        # does not have: it would not load the file at all.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if request.precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    store_sparsely(converter, request)
    data = reused(
        reuse_folder(request), f"{request.precision}.tflite", lambda: bytes(converter.convert())
    )
    if request.precision == "float16" and not request.input_names:
        from .normalization import with_real_normalization

        data = with_real_normalization(data, request.model)
    if request.precision in FOUR_BITS:
        from .four_bits import written_in_four_bits

        return written_in_four_bits(data, request)
    return data, Written()


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


def options() -> type[BaseModel]:
    """The options of this format; lists must not wait for pydantic."""
    from .options import TfliteOptions

    return TfliteOptions


def formats() -> Iterator[Exporter]:
    """Yields the format."""
    yield Exporter(
        name="tflite",
        summary="TensorFlow Lite / LiteRT: phones, boards, microcontrollers",
        also_called=("lite", "litert", "tf-lite", "tensorflow-lite", "tensorflowlite"),
        suffix=".tflite",
        precisions=("float32", "float16", "dynamic-int8", "int8", "int16x8", *FOUR_BITS),
        export=export,
        inspect=inspect,
        read_manifest=read_manifest,
        write_manifest=write_manifest,
        recognises=recognises,
        usage=usage,
        runtimes=("litert", "tflite-runtime"),
        extra="tflite",
        options=options,
        sparse={"sparse": True},
        distributions=("tensorflow", "keras"),
        mixes=("int8", *FOUR_BITS),
        compare_layers=compare_layers,
        network_entry=network_entry,
        round_weights=round_weights,
        takes_trained=True,
        takes_decoder=True,
        takes_front_end=True,
    )
