"""Networks as people save them: trained by plain Keras, written by plain converters; no zoo.

    python docs/digits_networks.py IMAGES.npz FOLDER

IMAGES.npz holds ``x``, uint8 (count, 8, 8), and ``y``, whole numbers from 0 to 9. The same images
make the same networks. Every file takes pixels in a way of its own, and few say which.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers

EPOCHS = 25
Normalize = Callable[[Any], Any]


def convolutions(x: Any) -> Any:
    """Two convolutions with batch normalization."""
    for filters, stride in ((16, 1), (32, 2)):
        x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def separable(x: Any) -> Any:
    """Depthwise convolutions, squeeze-and-excitation and hard swish, around a shortcut."""
    x = layers.Conv2D(24, 3, padding="same", activation="relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same")(x)
    y = layers.Activation("hard_silu")(layers.BatchNormalization(momentum=0.9)(y))
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(y)
    excited = layers.Conv2D(24, 1, activation="hard_sigmoid")(
        layers.Conv2D(8, 1, activation="relu")(squeezed)
    )
    x = layers.Add()([x, layers.Conv2D(24, 1)(layers.Multiply()([y, excited]))])
    pooled = layers.Flatten()(layers.MaxPooling2D()(x))
    return layers.Dense(10, activation="softmax")(layers.Dropout(0.2)(pooled))


def attention(x: Any) -> Any:
    """A small transformer on patches of 2×2 pixels, with the exact GELU."""
    x = layers.Reshape((16, 32))(layers.Conv2D(32, 2, strides=2)(x))
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 8)(y, y)])
        y = layers.Dense(64, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(32)(y)])
    return layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x))


def recurrent(x: Any) -> Any:
    """The rows of the image, one after the other, through a GRU."""
    return layers.Dense(10, activation="softmax")(layers.GRU(32)(layers.Reshape((8, 8))(x)))


def trained(make: Normalize, images: Any, labels: Any) -> Any:
    """A network that was trained on images as it takes them."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, make(inputs))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(images[..., None], labels, batch_size=32, epochs=EPOCHS, verbose=0)
    return model


def to_tflite(model: Any, path: Path) -> None:
    """A float file, as TensorFlow's converter writes it."""
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def to_onnx(model: Any, path: Path) -> None:
    """A float file, as tf2onnx writes it; Keras asks for a model that was called once."""
    model(np.zeros((1, 8, 8, 1), np.float32))
    model.export(str(path), format="onnx", verbose=False)


def main(images: Path, folder: Path) -> None:
    """Trains every network once, and writes its files."""
    with np.load(images) as held:
        x, y = held["x"].astype(np.float32), held["y"]
    folder.mkdir(parents=True, exist_ok=True)
    network = trained(convolutions, x / 255, y)
    network.save(folder / "convolutions.keras")
    network.export(folder / "convolutions_saved_model", verbose=False)
    to_tflite(network, folder / "convolutions.tflite")
    to_onnx(network, folder / "convolutions.onnx")
    network = trained(separable, x / 127.5 - 1, y)
    network.save(folder / "separable.h5")
    to_tflite(network, folder / "separable.tflite")
    to_onnx(network, folder / "separable.onnx")
    network = trained(attention, x / 127.5 - 1, y)
    network.save(folder / "attention.keras")
    network.export(folder / "attention_saved_model", verbose=False)
    network = trained(lambda inputs: recurrent(layers.Rescaling(1 / 255)(inputs)), x, y)
    network.save(folder / "recurrent.keras")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:3]))
