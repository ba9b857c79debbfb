"""Tiny networks that learn real digits in seconds, in the form in which they are deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shared_agents import answers

from zoo.contracts import Exporter, ExportRequest, FileContents
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
TFLITE = REGISTRY.exporters.get("tflite")
ONNX = REGISTRY.exporters.get("onnx")
FORMATS = {"tflite": TFLITE, "onnx": ONNX}
#: Each format with the precisions that networks of few weights can have: 4 bits take 1,024.
CELLS = [
    (format, precision)
    for format, exporter in FORMATS.items()
    for precision in exporter.precisions
    if REGISTRY.precision(precision).weights != "int4"
]
TRAINING = 1400
CALIBRATION = 200


@dataclass(frozen=True)
class Deployed:
    """A trained network, what it was trained on, and what it answers to unseen inputs."""

    model: Any
    training: np.ndarray
    inputs: np.ndarray
    answers: np.ndarray


def digits() -> tuple[np.ndarray, np.ndarray]:
    """(1797, 8, 8), 0 to 16, and classes."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images.astype(np.float32), found.target


def row_reader(layers: Callable[[Any], Any], scale: float = 4.0, epochs: int = 10) -> Deployed:
    """A classifier that reads a digit row by row: 8 steps of 8 channels."""
    import keras

    images, classes = digits()
    keras.utils.set_random_seed(1)
    rows = keras.Input((8, 8))
    outputs = keras.layers.Dense(10, name="head")(layers(rows))
    network = keras.Model(rows, outputs)
    rescaling = keras.layers.Rescaling(1 / scale, -2.0, name="normalization")
    return trained(network, rescaling, images, classes, epochs)


def next_pixel_tagger() -> Deployed:
    """Reads 64 pixels as word numbers, and tells each next one's brightness of five: (64, 5)."""
    import keras

    images, _ = digits()
    tokens = images.reshape(-1, 64).astype(np.int32)
    following = np.minimum(np.roll(tokens, -1, axis=1) // 4, 4)
    keras.utils.set_random_seed(1)
    words = keras.Input((64,), dtype="int32")
    steps = keras.layers.LSTM(32, return_sequences=True)(keras.layers.Embedding(17, 16)(words))
    network = keras.Model(words, keras.layers.Dense(5, name="head")(steps))
    return trained(network, lambda raw: raw, tokens, following, 3)


def trained(
    network: Any, normalize: Any, inputs: Any, labels: Any, epochs: int, training: int = TRAINING
) -> Deployed:
    import keras

    shape, kind = inputs.shape[1:], inputs.dtype.name
    raw = keras.Input(shape, dtype=kind)
    model = keras.Model(raw, keras.layers.Softmax()(network(normalize(raw))))
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy())
    model.fit(inputs[:training], labels[:training], epochs=epochs, verbose=0)
    return deployed(network, normalize, inputs[:training], inputs[training:])


def deployed(
    network: Any, normalize: Any, training: Any, inputs: Any, last: Any = None
) -> Deployed:
    """One raw input at a time, to probabilities or whatever `last` makes."""
    import keras

    last = last or keras.layers.Softmax()
    raw = keras.Input(inputs.shape[1:], batch_size=1, dtype=inputs.dtype.name)
    model = keras.Model(raw, last(network(normalize(raw))))
    many = keras.Input(inputs.shape[1:], dtype=inputs.dtype.name)
    answers = keras.Model(many, last(network(normalize(many)))).predict(inputs, verbose=0)
    return Deployed(model=model, training=training, inputs=inputs, answers=answers)


def write(
    exporter: Exporter,
    subject: Deployed,
    folder: Path,
    precision: str,
    recurrent: str = "auto",
    **asked: Any,
) -> tuple[Path, FileContents]:
    path, contents, _ = write_and_tell(exporter, subject, folder, precision, recurrent, **asked)
    return path, contents


def write_and_tell(
    exporter: Exporter,
    subject: Deployed,
    folder: Path,
    precision: str,
    recurrent: str = "auto",
    **asked: Any,
) -> tuple[Path, FileContents, Any]:
    """The file, what it contains, and what the exporter tells of it."""
    path = folder / f"{precision}.{recurrent}{exporter.suffix}"
    calibrated = precision in ("int8", "int16x8")
    told = exporter.export(
        ExportRequest(
            model=subject.model,
            path=path,
            precision=precision,
            calibration=subject.training[:CALIBRATION] if calibrated else None,
            input_name="raw",
            output_names=("answers",),
            recurrent=recurrent,
            **{"integer_input": False, **asked},
        )
    )
    return path, exporter.inspect(path), told


def answers_of(path: Path, inputs: np.ndarray) -> np.ndarray:
    """By the agent, in the runtime of the file's format."""
    runtime = "litert" if path.suffix == ".tflite" else "onnxruntime"
    return answers(runtime, path, inputs)


def decibels(expected: np.ndarray, found: np.ndarray) -> float:
    """Signal-to-quantization-noise ratio."""
    assert expected.shape == found.shape
    signal = expected.astype(np.float64)
    noise = np.square(signal - found).sum()
    return float(10 * np.log10(np.square(signal).sum() / max(noise, 1e-30)))


def agreement(expected: np.ndarray, found: np.ndarray) -> float:
    """How often the first choice is the same."""
    return float((expected.argmax(-1) == found.argmax(-1)).mean())
