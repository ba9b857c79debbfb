"""Short trainings in child processes, divided among accelerators or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from zoo.contracts import Dataset
from zoo.contracts.training import Training

Emit = Callable[[dict[str, Any]], None]
CLASSES = 3


class Interruption(Exception):
    """Stands for a kill at the end of an epoch."""


def trained(
    *, cases: Sequence[dict[str, Any]], accelerators: Sequence[str], emit: Emit
) -> list[dict[str, Any]]:
    """Trains networks one after the other; returns of each what its epochs showed.

    Args:
        cases: Arguments of `train_one`.
        accelerators: What all of them run on.
        emit: Receives progress.
    """
    from zoo.training.accelerators import on_accelerators

    with on_accelerators(accelerators):
        return [train_one(emit=emit, accelerators=accelerators, **case) for case in cases]


def train_one(
    *,
    kind: str,
    options: dict[str, Any],
    accelerators: Sequence[str],
    examples: int = 33,
    checkpoint: Path | None = None,
    stop_after: int | None = None,
    emit: Emit,
) -> dict[str, Any]:
    """Trains a small network on made-up data.

    Args:
        kind: Of data and network, see `KINDS`.
        options: Of `Training`.
        accelerators: Those of this process.
        examples: Of the training split.
        checkpoint: Folder for going on after an interruption.
        stop_after: The epoch after which the training is interrupted.
        emit: Receives progress.

    Returns:
        Losses and metrics by epoch, weights by name, the notes, and where copies of weights are.
    """
    import keras

    from zoo.data.preprocessing.inputs import fitted
    from zoo.networks.building import variable_names
    from zoo.networks.resizing import resized_preprocessing
    from zoo.registry import PluginSettings, load_registry
    from zoo.training.trainer import Trainer

    name, make, built, shape = KINDS[kind]
    data = dataset(make, shape, examples)
    training = Training(**options, accelerators=tuple(accelerators))
    registry = load_registry(PluginSettings(installed=False))
    _, variant = registry.variant(name)
    path = fitted(resized_preprocessing(variant.preprocessing, training), data)
    keras.utils.set_random_seed(1)
    inputs = keras.Input(path.network_shape, dtype=path.graph_dtype)
    network = keras.Model(inputs, built(inputs), name=kind)

    def watch(event: dict[str, Any]) -> None:
        emit(event)
        if event["event"] == "batch" and stop_after is not None and event["epoch"] > stop_after:
            raise Interruption

    task = registry.tasks.get(variant.task)
    trainer = Trainer(network, task, path, training, seed=3, folder=checkpoint, emit=watch)
    with suppress(Interruption):
        trainer.fit(data)
    return {
        "losses": [epoch.loss for epoch in trainer.epochs],
        "validation": [epoch.validation_loss for epoch in trainer.epochs],
        "metrics": [epoch.validation_metric for epoch in trainer.epochs],
        "weights": {name: value.numpy() for name, value in variable_names(network).items()},
        "devices": [copy.device[-5:] for copy in _copies(network)],
        "notes": trainer.notes,
    }


def _copies(network: Any) -> Sequence[Any]:
    """The variables of TensorFlow that the first weight of a network consists of."""
    value = network.trainable_variables[0].value
    return getattr(value, "values", (value,))


def dataset(make: Callable[..., tuple[Any, Any]], shape: tuple[int, ...], examples: int) -> Dataset:
    """Noise with something in it that can be learnt."""
    from zoo.data.readers.in_memory import content_hashes, dataset_of, memory_split

    splits, random = {}, np.random.default_rng(5)
    for split, count in (("train", examples), ("validation", 21), ("test", 6)):
        made = make(random, count, shape)
        splits[split] = memory_split(*made, content_hashes(made[0]))
    return dataset_of("made up", tuple("abc"), splits)


def _noise(random: Any, count: int, shape: tuple[int, ...]) -> Any:
    return random.integers(0, 100, (count, *shape)).astype(np.uint8)


def _classes(random: Any, count: int, shape: tuple[int, ...]) -> tuple[Any, Any]:
    values, labels = _noise(random, count, shape), random.integers(0, CLASSES, count)
    for number, label in enumerate(labels):
        values[number, label::CLASSES] += 80
    return values, labels.astype(np.int64)


def _masks(random: Any, count: int, shape: tuple[int, ...]) -> tuple[Any, Any]:
    # Of some pictures hardly a pixel has a class: their parts must not count as much as others.
    labels = random.integers(-1, CLASSES, (count, *shape[:2])).astype(np.int8)
    labels[::3, 1:] = -1
    return _noise(random, count, shape) + (40 * (labels[..., None] + 1)).astype(np.uint8), labels


def _tags(random: Any, count: int, shape: tuple[int, ...]) -> tuple[Any, Any]:
    labels = random.integers(0, CLASSES, (count, *shape))
    lengths = random.integers(2, shape[0] + 1, count)
    words = [
        tuple(f"word{label}" for label in row[:length])
        for row, length in zip(labels, lengths, strict=True)
    ]
    real = np.arange(shape[0]) < lengths[:, None]
    return words, np.where(real, labels, -1)


def _convolutions(inputs: Any) -> Any:
    from keras import layers

    x = layers.Conv2D(6, 3, strides=2, use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.Dense(CLASSES, name="head")(layers.Dropout(0.4)(layers.Flatten()(x)))


def _pixels(inputs: Any) -> Any:
    from keras import layers

    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    return layers.Conv2D(CLASSES, 1, name="head")(layers.ReLU()(layers.BatchNormalization()(x)))


def _recurrent(inputs: Any) -> Any:
    from keras import layers

    x = layers.LSTM(6, return_sequences=True)(layers.Embedding(4096, 4)(inputs))
    return layers.Dense(CLASSES, name="head")(x)


def _noisy(inputs: Any) -> Any:
    from keras import layers

    return layers.Dense(CLASSES, name="head")(layers.GaussianNoise(0.5)(layers.Flatten()(inputs)))


#: Kind → variant with its task and preprocessing, data, network, shape of an example.
KINDS: dict[str, tuple[str, Callable[..., Any], Callable[..., Any], tuple[int, ...]]] = {
    "pictures": ("lenet5", _classes, _convolutions, (12, 12, 1)),
    "masks": ("unet_small", _masks, _pixels, (8, 8, 3)),
    "tags": ("lstm_tagger", _tags, _recurrent, (64,)),
    "noisy": ("lenet5", _classes, _noisy, (12, 12, 1)),
}
