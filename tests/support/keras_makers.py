"""Keras networks that are right on the digits without training: the nearest mean of a class."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from zoo.networks.sources.opening import open_and_convert
from zoo.networks.sources.references import Opening
from zoo.registry import PluginSettings

#: How sure it is of the nearest mean.
SURE = 3.0


@cache
def class_means() -> Any:
    """Mean images, shape (10, 64), of pixels from 0 to 1."""
    from zoo.data.opening import open_dataset
    from zoo.registry import load_registry

    split = open_dataset(load_registry(), "digits").splits["train"]
    images = np.stack([split.read(i) for i in range(len(split))]).reshape(len(split), -1)
    return np.stack([images[split.labels == c].mean(0) / 255 for c in range(10)])


def nearest_mean(inputs: Any, activation: str = "softmax", channels: int = 1) -> Any:
    """The outputs for images of pixels from 0 to 1, by a dense layer alone."""
    from keras import layers

    flat = layers.Flatten()(inputs)
    dense = layers.Dense(10, activation=activation, name="answers")
    outputs = dense(flat)
    means = class_means()
    kernel = np.repeat(2 * SURE * means.T, channels, axis=0) / channels
    dense.set_weights([kernel, -SURE * (means**2).sum(1)])
    return outputs


def nearest_window(inputs: Any) -> Any:
    """The same for images of any size, 8 × 8 at least: the mean of what each window is given."""
    from keras import layers

    seen = layers.Conv2D(10, 8, name="windows")
    pooled = layers.GlobalAveragePooling2D(name="pooled")(seen(inputs))
    means = class_means()
    seen.set_weights([2 * SURE * means.T.reshape(8, 8, 1, 10), -SURE * (means**2).sum(1)])
    return layers.Softmax(name="answers")(pooled)


def save(path: Path, make: Callable[[Any], Any], shape: tuple[int | None, ...] = (8, 8, 1)) -> Path:
    """Saves the model that `make` makes of its input."""
    import keras

    inputs = keras.Input(shape)
    keras.Model(inputs, make(inputs)).save(path)
    return path


def opened(
    path: Path, folder: Path, *, data: str = "digits", source: str = "keras", **how: Any
) -> Path:
    """The converted weights of a file, opened in this process."""
    plugins = PluginSettings(paths=tuple(how.pop("plugins", ())))
    name = open_and_convert(
        source=source,
        reference=str(path),
        sha256="0" * 64,
        how=Opening(data=data, **how),
        folder=folder,
        plugins=plugins,
        emit=lambda event: None,
    )
    return folder / name
