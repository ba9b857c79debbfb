"""Integer TFLite files of a network that was trained to be quantized."""

from __future__ import annotations

from typing import Any

from zoo.contracts import ExportRequest
from zoo.extras import require

from .scheme import scheme_of
from .tflite_integers import interface_of


def convert_trained(converter: Any, request: ExportRequest) -> bytes:
    """Runs a converter whose model holds fake quantization: its limits become the file's.

    Weights lie on their grid already, so that the scale that the converter computes from the
    largest weight of each channel is the one they were trained with.
    """
    tf = require("tensorflow")
    scheme = scheme_of(request)
    interface = tf.as_dtype(interface_of(request, scheme))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = interface
    if not scheme.per_channel:
        converter._experimental_disable_per_channel = True
    if not scheme.per_channel_dense:
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())
