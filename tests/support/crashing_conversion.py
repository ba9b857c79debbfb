"""A conversion that the product refuses, since TensorFlow's converter does not survive it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def convert_lstm_loop(*, emit: Callable[[dict[str, Any]], None]) -> int:
    import keras
    import numpy as np
    import tensorflow as tf

    rows = keras.Input((8, 8), batch_size=1)
    model = keras.Model(rows, keras.layers.Dense(10)(keras.layers.LSTM(32)(rows)))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    examples = np.random.default_rng(0).normal(size=(16, 1, 8, 8)).astype(np.float32)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([example] for example in examples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return len(converter.convert())
