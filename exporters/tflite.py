"""TensorFlow Lite, also called LiteRT: flatbuffers for phones, boards and microcontrollers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contracts import Exporter, ExportRequest
from zoo.extras import require
from zoo.hookspecs import hookimpl

from .tflite_contents import inspect, read_manifest, recognises, write_manifest
from .tflite_lstm import form_of, with_usable_states, written_as


def export(request: ExportRequest) -> Sequence[str]:
    """Converts with TensorFlow's converter.

    The model has a static batch of one: with a symbolic batch the runtime prepares every call
    anew, and some kernels are many times slower.
    """
    tf = require("tensorflow")
    keras = require("keras")
    model = keras.Model(request.model.inputs, {request.output_name: request.model.outputs[0]})
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    _configure(converter, request, tf)
    with written_as(form_of(request.recurrent, request.precision), model) as remarks:
        data = converter.convert()
    data, _ = with_usable_states(data)
    request.path.write_bytes(data)
    return tuple(dict.fromkeys(remarks))


def _configure(converter: Any, request: ExportRequest, tf: Any) -> None:
    if request.precision == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif request.precision == "int8":
        _ask_for_integers(converter, request, tf, tf.lite.OpsSet.TFLITE_BUILTINS_INT8)
    elif request.precision == "int16x8":
        kind = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        _ask_for_integers(converter, request, tf, kind)


def _ask_for_integers(converter: Any, request: ExportRequest, tf: Any, kernels: Any) -> None:
    assert request.calibration is not None  # the core never asks without
    samples = request.calibration.copy()
    bytes_as_they_are = request.integer_input and request.precision == "int8"
    if bytes_as_they_are:
        # Two corner pixels of one image span the full range, so that the input's scale is
        # exactly 1 and applications hand over their bytes unchanged.
        samples[0].flat[0], samples[0].flat[-1] = 0.0, 255.0
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    converter.target_spec.supported_ops = [kernels]
    # Else input and output stay real numbers: an application has them as such, and would have to
    # quantize them with a scale that it must first read out of the file.
    if bytes_as_they_are:
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.uint8


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
        distributions=("tensorflow", "keras"),
    )
