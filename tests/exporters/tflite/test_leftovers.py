"""Operators that TFLite lacks are refused with their layers, and what to do."""

from __future__ import annotations

import keras
import pytest
from keras import layers, ops

from zoo.common.errors import Unsupported
from zoo.exporters.tflite.leftovers import leftovers_refused


def converted(body) -> None:
    import tensorflow as tf

    image = keras.Input((4, 4, 4), batch_size=1, name="image")
    model = keras.Model(image, body(image))
    with leftovers_refused(model):
        tf.lite.TFLiteConverter.from_keras_model(model).convert()


def test_what_the_converter_leaves_over_is_named_with_its_layer():
    def pooled(x):
        volume = layers.Reshape((4, 4, 4, 1))(x)
        return layers.MaxPooling3D(name="deep")(volume)

    with pytest.raises(Unsupported) as error:
        converted(pooled)
    assert error.value.what == "TFLite has no operator for TensorFlow's MaxPool3D (layer deep)"
    assert "another format" in error.value.fix


def test_operations_between_layers_are_named():
    with pytest.raises(Unsupported) as error:
        converted(lambda x: ops.bitwise_and(*[ops.cast(x * n, "int32") for n in (1, 2)]))
    assert error.value.what.endswith("TensorFlow's BitwiseAnd (operation BitwiseAnd)")


def test_what_keras_computes_by_bits_is_named():
    def choice(x):
        return ops.argmax(layers.Flatten()(x), axis=-1)

    with pytest.raises(Unsupported) as error:
        converted(choice)
    assert "BitwiseAnd" in error.value.what
    assert "perhaps of argmax" in error.value.what
    assert "top_k(x, 1)[1]" in error.value.fix


@pytest.mark.parametrize(("policy", "told"), [("float64", "64"), ("mixed_float16", "16")])
def test_numbers_of_other_sizes_are_told_as_what_they_are(policy, told):
    def wide(x):
        return layers.Conv2D(2, 3, dtype=policy, name="wide")(x)

    with pytest.raises(Unsupported) as error:
        converted(wide)
    assert error.value.what.endswith(f"Conv2D (layer wide) in float{told}")
    assert "dtype='float32'" in error.value.fix


def test_other_errors_are_left_alone():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="something else"), leftovers_refused(model):
        raise ValueError("something else")
