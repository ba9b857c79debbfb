"""Networks that read pictures, as requests to write them: a classifier, a segmenter, a detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tiny_networks import TFLITE, Deployed, digits, trained

from zoo.contracts import ExportRequest
from zoo.contracts.outputs import BOX_CLASSES, BOX_COUNT, BOX_EDGES, BOX_SCORES, CLASS_SCORES

CLASSES = ("zero", "one", "two", "three", "four", "five", "six\nor 6", "seven", "eight", "nine")
KINDS = ("sky", "grass", "road", "tree")


def pictures(channels: int) -> Deployed:
    """Reads digits of 16×16 pixels from 0 to 255."""
    import keras

    images, classes = digits()
    images = np.rint(images.repeat(2, 1).repeat(2, 2) * (255 / 16))[..., None]
    images = np.repeat(images, channels, -1).astype(np.float32)
    keras.utils.set_random_seed(2)
    pixels = keras.Input((16, 16, channels))
    found = keras.layers.Conv2D(8, 5, strides=2, activation="relu")(pixels)
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(found))
    network = keras.Model(pixels, outputs)
    return trained(network, keras.layers.Rescaling(1 / 128, -1.0), images, classes, 5)


def asked(subject: Deployed, path: Path, precision: str) -> ExportRequest:
    return ExportRequest(
        model=subject.model,
        path=path,
        precision=precision,
        calibration=subject.training[:100] if precision == "int8" else None,
        input_name="pixels",
        output_names=("probabilities",),
        output_contents=(CLASS_SCORES,),
        integer_input=True,
        axes=("height", "width", "channel"),
        name="pictures.digits",
        task="image-classification",
        classes=CLASSES,
        licence="CC-BY-4.0",
    )


def written(request: ExportRequest, manifest: str = '{"any": "text"}') -> Path:
    TFLITE.export(request)
    TFLITE.write_manifest(request.path, manifest)
    return request.path


def segmenter() -> Any:
    """Four classes for each pixel; nothing is learned."""
    import keras

    keras.utils.set_random_seed(1)
    pixels = keras.Input((16, 24, 3), batch_size=1)
    found = keras.layers.Rescaling(1 / 128, -1.0)(pixels)
    found = keras.layers.Conv2D(4, 3, padding="same")(found)
    return keras.Model(pixels, keras.layers.Softmax()(found))


def detector() -> Any:
    """Decoded boxes: four with edges that follow from the picture, of which three count."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    pixels = keras.Input((40, 40, 3), batch_size=1)
    found = keras.layers.Rescaling(1 / 255)(pixels)
    found = keras.layers.Flatten()(keras.layers.AveragePooling2D(20)(found))
    corners = keras.layers.Dense(8, activation="sigmoid", name="corners")(found)

    def edges(places: Any) -> Any:
        low = 0.4 * tf.reshape(places, (1, 4, 2))
        return tf.concat([low, low + tf.constant([0.3, 0.5])], axis=-1)

    given = {"scores": [0.9, 0.8, 0.7, 0.6], "classes": [2.0, 0.0, 1.0, 2.0]}
    constants = {
        name: keras.layers.Lambda(lambda x, v=values: 0.0 * x[:, :4] + v, name=name)(corners)
        for name, values in given.items()
    }
    three = keras.layers.Lambda(lambda x: 0.0 * x[:, 0] + 3.0, name="count")(corners)
    boxes = keras.layers.Lambda(edges, name="edges")(corners)
    return keras.Model(pixels, {"edges": boxes, **constants, "count": three})


def pictures_for(model: Any, count: int) -> np.ndarray:
    shape = (count, *model.inputs[0].shape[1:])
    return np.random.default_rng(3).integers(0, 256, shape).astype(np.float32)


def request_for(model: Any, path: Path, precision: str, **change: Any) -> ExportRequest:
    nothing = np.zeros(0)
    subject = Deployed(
        model=model, training=pictures_for(model, 16), inputs=nothing, answers=nothing
    )
    return replace(asked(subject, path, precision), **{"classes": KINDS, **change})


def detection_request(path: Path, precision: str = "float32") -> ExportRequest:
    return request_for(
        detector(),
        path,
        precision,
        output_names=("edges", "classes", "scores", "count"),
        output_contents=(BOX_EDGES, BOX_CLASSES, BOX_SCORES, BOX_COUNT),
    )
