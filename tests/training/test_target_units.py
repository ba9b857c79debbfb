"""Real targets of any size are learnt alike, and answered in the units of the data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import Unsupported
from zoo.contracts import Dataset, ImagePreprocessing, Split
from zoo.contracts.training import Training
from zoo.data.preprocessing.inputs import normalize, read_inputs
from zoo.registry import PluginSettings, load_registry
from zoo.training.target_units import in_units_of, last_dense, learnt_units
from zoo.training.trainer import Trainer

pytest.importorskip("tensorflow")
TASK = load_registry(PluginSettings(installed=False)).tasks.get("regression")
PREPROCESSING = ImagePreprocessing(height=4, width=4, channels=1, mean=(0.5,), std=(0.29,))


def drawn(scale: float, offset: float) -> Dataset:
    """Pictures of noise; the target is their mean brightness, in some unit."""
    random = np.random.default_rng(0)
    splits = {}
    for name, count in (("train", 320), ("validation", 64), ("test", 64)):
        x = random.integers(0, 256, (count, 4, 4, 1)).astype(np.uint8)
        y = ((x.mean((1, 2, 3)) - 127.5) / 18 * scale + offset).astype(np.float32)[:, None]
        splits[name] = Split(labels=y, read=x.__getitem__, content_hash=f"{name}{scale}")
    return Dataset(name="noise", classes=("mean",), splits=splits, content_hash=f"{scale}")


def network(*layers: Any) -> Any:
    import keras

    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(inputs)
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x, name="net")


def trained(
    dataset: Dataset, model: Any, epochs: int = 4, augment: tuple[str, ...] = ()
) -> Trainer:
    in_units_of(model, TASK, dataset)
    options = Training(
        epochs=epochs, from_scratch=True, learning_rate=0.05, batch_size=32, augment=augment
    )
    trainer = Trainer(
        model, TASK, PREPROCESSING, options, seed=0, folder=None, emit=lambda event: None
    )
    trainer.fit(dataset)
    return trainer


@pytest.mark.slow
def test_units_change_nothing_but_the_units():
    import keras

    found = {}
    for scale, offset in ((1.0, 0.0), (1e5, 3e6)):
        keras.utils.set_random_seed(0)
        model = network(keras.layers.Dense(1, name="head"))
        trainer = trained(drawn(scale, offset), model)
        test = drawn(scale, offset).splits["test"]
        pixels = normalize(read_inputs(test, PREPROCESSING), PREPROCESSING)
        error = np.abs(np.asarray(model(pixels)) - test.labels).mean() / scale
        found[scale] = (trainer.epochs[-1].validation_metric, error)
    for metric, error in found.values():
        assert metric == pytest.approx(found[1.0][0], abs=0.02)
        assert error == pytest.approx(found[1.0][1], abs=0.02)
        assert error < 0.2
    # A last layer that is no dense one has its outputs standardized behind it.
    behind = network(keras.layers.Dense(1), keras.layers.Rescaling(1.0))
    assert last_dense(behind) is None
    # Brightness is what mirrored pictures have, too; not all targets are like that, which is told.
    flipped = trained(drawn(3.0, 5.0), behind, epochs=20, augment=("flip",))
    assert flipped.epochs[-1].validation_metric < 0.3
    assert [note for note in flipped.notes if "--augment flip" in note]
    taught = type("Taught", (keras.Model,), {})(behind.input, behind.output)
    with learnt_units(behind, TASK, drawn(3.0, 5.0), 1) as (_, _, standardize):
        with_own_steps = pytest.raises(Unsupported, match="cannot be trained in this way")
        with with_own_steps:
            standardize(taught)


def test_no_epoch_leaves_every_weight_as_it_was():
    import keras

    model = network(keras.layers.Dense(1, name="head"))
    dataset = drawn(1e5, 3e6)
    in_units_of(model, TASK, dataset)
    before = model.get_weights()
    assert before[1] == pytest.approx(3e6, rel=0.01)
    trained_zero = Training(epochs=0)
    trainer = Trainer(
        model, TASK, PREPROCESSING, trained_zero, seed=0, folder=None, emit=lambda event: None
    )
    trainer.fit(dataset)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    constant = replace(dataset.splits["train"], labels=np.full((320, 1), 7, np.float32))
    units = TASK.units(constant.labels)
    assert units is not None
    assert units.standardized(constant.labels).tolist() == [[0.0]] * 320


def test_places_follow_moved_pictures_in_the_units_of_the_data(monkeypatch: pytest.MonkeyPatch):
    import tensorflow as tf

    def one_further(task: Any, labels: Any, transform: Any) -> Any:
        return labels + 1.0

    monkeypatch.setattr(type(TASK), "transform_labels", one_further)
    import keras

    for last in (keras.layers.Dense(1, name="head"), keras.layers.Rescaling(1.0)):
        dataset = drawn(3.0, 5.0)
        labels = dataset.splits["train"].labels
        with learnt_units(network(keras.layers.Dense(1), last), TASK, dataset, 1) as found:
            learnt, objective, _ = found
            moved = objective.transform_labels(tf.constant(learnt.splits["train"].labels), None)
        units = TASK.units(labels)
        assert units is not None
        assert np.asarray(moved) == pytest.approx(units.standardized(labels + 1.0), abs=1e-5)
        assert moved.dtype == tf.float32
