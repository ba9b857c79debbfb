"""Gradual magnitude pruning: the curve, the masks, and which epoch is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.contracts import ImagePreprocessing
from zoo.contracts.training import Training
from zoo.data.opening import open_dataset
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("tensorflow")

from zoo.training.pruning import (
    Pruner,
    PruningTrainer,
    prunable,
    pruned_task,
    ramp_epochs,
    share_at,
    sparsity,
)

REGISTRY = load_registry(PluginSettings(installed=False))
TASK = REGISTRY.tasks.get("image-classification")
PIXELS = ImagePreprocessing(height=8, width=8, channels=1)


def tiny(dense: int = 64) -> Any:
    keras = require("keras")
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 1), name="normalized")
    x = keras.layers.Conv2D(4, 3, name="few")(inputs)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(dense, activation="relu", name="hidden")(x)
    return keras.Model(inputs, keras.layers.Dense(10, name="head")(x), name="tiny")


@given(st.floats(0.01, 0.99), st.integers(1, 1000))
def test_the_share_rises_from_nothing_to_its_end_and_stays(end: float, ramp: int) -> None:
    steps = range(0, 2 * ramp + 1, max(ramp // 10, 1))
    shares = [float(share_at(step, ramp, end)) for step in steps]
    assert shares[0] == 0.0
    assert shares == sorted(shares)
    assert float(share_at(ramp, ramp, end)) == pytest.approx(end)
    assert float(share_at(2 * ramp, ramp, end)) == pytest.approx(end)


def test_the_head_and_small_kernels_stay_whole() -> None:
    network = tiny()
    assert [v.path for v in prunable(network)] == ["hidden/kernel"]
    with pytest.raises(UsageError, match="nothing to prune"):
        prunable(tiny(dense=2))


def test_a_decision_masks_the_smallest_weights_and_no_others() -> None:
    tf = require("tensorflow")
    network = tiny()
    (kernel,) = prunable(network)
    before = np.asarray(kernel)
    pruner = Pruner([kernel], 0.75, ramp_steps=4)
    pruner.apply(tf.constant(4))
    after = np.asarray(kernel)
    kept = after != 0
    assert sparsity(network) == pytest.approx(0.75, abs=1 / after.size)
    assert np.array_equal(after[kept], before[kept])
    assert np.abs(before[~kept]).max() <= np.abs(before[kept]).min()


def test_before_the_end_of_the_ramp_fewer_weights_are_zero() -> None:
    tf = require("tensorflow")
    network = tiny()
    pruner = Pruner(prunable(network), 0.8, ramp_steps=4)
    pruner.apply(tf.constant(1))
    assert sparsity(network) == pytest.approx(float(share_at(1, 4, 0.8)), abs=0.01)


def trained(share: float, epochs: int, folder: Any = None) -> tuple[Any, PruningTrainer]:
    network = tiny()
    dataset = open_dataset(REGISTRY, "digits")
    options = Training(
        epochs=epochs, batch_size=64, learning_rate=0.003, patience=0, jit="off"
    ).model_copy(update={"task": {}})
    batches = -(-len(dataset.splits["train"]) // 64)
    pruner = Pruner(prunable(network), share, ramp_epochs(epochs) * batches)
    trainer = PruningTrainer(
        network,
        pruned_task(TASK, pruner),
        PIXELS,
        options,
        seed=0,
        folder=folder,
        emit=lambda event: None,
    )
    trainer.fit(dataset)
    return network, trainer


def test_what_is_kept_has_the_whole_share_of_zeros_whatever_epoch_was_best() -> None:
    network, trainer = trained(0.9, 4)
    assert sparsity(network) == pytest.approx(0.9, abs=0.01)
    assert trainer.best_epoch >= ramp_epochs(4)
    assert trainer.epochs[-1].validation_metric > 0.5  # it still learns


def test_a_task_with_a_training_step_of_its_own_is_refused() -> None:
    network = tiny()
    generation = REGISTRY.tasks.get("image-generation")
    with pytest.raises(UsageError, match="not pruned"):
        pruned_task(generation, Pruner(prunable(network), 0.5, 1))
