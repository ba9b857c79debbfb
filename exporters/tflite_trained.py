"""Integer TFLite files of a network that was trained to be quantized."""

from __future__ import annotations

from typing import Any

from zoo.contracts import ExportRequest
from zoo.extras import require


def convert_trained(converter: Any, request: ExportRequest) -> bytes:
    """Runs a converter whose model holds fake quantization: its limits become the file's.

    Weights lie on their grid already, so that the scale that the converter computes from the
    largest weight of each channel is the one they were trained with.
    """
    tf = require("tensorflow")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.integer_input:
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    target = request.target
    if target is not None and not target.per_channel:
        converter._experimental_disable_per_channel = True
    if target is not None and not target.per_channel_dense:
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())
