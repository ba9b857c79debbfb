"""Fine-tuning: repeatable, resumable, and stopped by what cannot go well."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.contracts import Dataset, Split
from zoo.errors import BadData, ZooError
from zoo.networks import build_network, variable_names
from zoo.recipe import Training
from zoo.registry import PluginSettings, load_registry
from zoo.steps.common import open_dataset
from zoo.training import Trainer

REGISTRY = load_registry(PluginSettings(installed=False))
ARCHITECTURE, VARIANT = REGISTRY.variant("lenet5")
TASK = REGISTRY.tasks.get(VARIANT.task)
SHORT = Training(epochs=3, from_scratch=True, augment=("shift",), dropout=0.2, batch_size=64)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """Scanned digits, cut down so that an epoch takes a moment."""
    full = open_dataset(REGISTRY, "digits")
    splits = {
        name: Split(
            labels=split.labels[:320],
            read=split.read,
            content_hash=split.content_hash,
        )
        for name, split in full.splits.items()
    }
    return dataclasses.replace(full, splits=splits)


class Interruption(Exception):
    """Stands for a kill at the end of an epoch."""


def train(
    dataset: Dataset,
    options: Training = SHORT,
    *,
    seed: int = 3,
    folder: Path | None = None,
    stop_after: int | None = None,
    task: Any = TASK,
) -> tuple[Any, Trainer, list[dict[str, Any]]]:
    import keras

    keras.utils.set_random_seed(seed)
    network = build_network(ARCHITECTURE, VARIANT, 10, {"dropout": options.dropout or 0.0})
    events: list[dict[str, Any]] = []

    def emit(event: dict[str, Any]) -> None:
        events.append(event)
        # The next epoch has begun: the checkpoint of the last one is complete.
        if event["event"] == "batch" and stop_after is not None and event["epoch"] > stop_after:
            raise Interruption

    trainer = Trainer(
        network, task, VARIANT.preprocessing, options, seed=seed, folder=folder, emit=emit
    )
    trainer.fit(dataset)
    return network, trainer, events


def values(network: Any) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in variable_names(network).items()}


def assert_equal(first: Any, second: Any) -> None:
    for name, value in values(first).items():
        np.testing.assert_array_equal(value, values(second)[name], err_msg=name)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(digits: Dataset) -> None:
    first, _, _ = train(digits)
    again, _, _ = train(digits)
    other, _, _ = train(digits, seed=4)
    assert_equal(first, again)
    assert not np.array_equal(values(first)["c1/kernel"], values(other)["c1/kernel"])


def test_a_resumed_training_ends_where_an_unbroken_one_does(
    digits: Dataset, tmp_path: Path
) -> None:
    unbroken, whole, _ = train(digits)
    with pytest.raises(Interruption):
        train(digits, folder=tmp_path, stop_after=1)
    resumed, rest, events = train(digits, folder=tmp_path)
    assert events[0] == {"event": "resumed", "epoch": 1}
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [2, 3]
    assert [e.loss for e in rest.epochs] == [e.loss for e in whole.epochs]
    assert_equal(unbroken, resumed)


def test_a_checkpoint_of_other_options_is_refused(digits: Dataset, tmp_path: Path) -> None:
    train(digits, SHORT.model_copy(update={"epochs": 1}), folder=tmp_path)
    with pytest.raises(ZooError, match="made with other options"):
        train(digits, folder=tmp_path)


def test_it_learns_and_reports_figures_that_are_measured(digits: Dataset) -> None:
    options = Training(epochs=8, from_scratch=True, learning_rate=0.005)
    _, trainer, events = train(digits, options)
    assert trainer.metric_name == "accuracy"
    assert trainer.epochs[-1].loss < trainer.epochs[0].loss / 2
    best = max(epoch.validation_metric for epoch in trainer.epochs)
    assert best > 0.8
    assert trainer.epochs[trainer.best_epoch - 1].validation_metric == best
    last = [event for event in events if event["event"] == "batch"][-1]
    assert last["batch"] == last["batches"] == 10
    assert all(epoch.examples_per_second > 0 for epoch in trainer.epochs)


def test_the_weights_kept_are_those_of_the_best_epoch(digits: Dataset) -> None:
    from zoo.data.inputs import read_inputs
    from zoo.networks import raw_model

    network, trainer, _ = train(digits)
    split = digits.splits["validation"]
    inputs = read_inputs(split, VARIANT.preprocessing).astype(np.float32)
    logits = np.asarray(raw_model(network, VARIANT.preprocessing)(inputs))
    accuracy = float((logits.argmax(-1) == split.labels).mean())
    assert accuracy == pytest.approx(trainer.epochs[trainer.best_epoch - 1].validation_metric)


def test_a_frozen_backbone_keeps_its_weights_and_the_head_learns(digits: Dataset) -> None:
    import keras

    options = Training(epochs=1, from_scratch=True, freeze="backbone")
    network, _, _ = train(digits, options)
    keras.utils.set_random_seed(3)
    before = values(build_network(ARCHITECTURE, VARIANT, 10))
    for name, value in values(network).items():
        changed = not np.array_equal(value, before[name])
        assert changed == name.startswith("head/"), name


def test_it_stops_early_without_progress(digits: Dataset) -> None:
    stuck = Training(epochs=30, from_scratch=True, learning_rate=1e-9, patience=2)
    _, trainer, _ = train(digits, stuck)
    assert len(trainer.epochs) == trainer.best_epoch + 2 < 30


def test_patience_zero_never_stops(digits: Dataset) -> None:
    stuck = Training(epochs=4, from_scratch=True, learning_rate=1e-9, patience=0)
    _, trainer, _ = train(digits, stuck)
    assert len(trainer.epochs) == 4


def test_label_smoothing_raises_the_loss_of_a_sure_network(digits: Dataset) -> None:
    def final_loss(smoothing: float) -> float:
        options = Training(epochs=8, from_scratch=True, label_smoothing=smoothing)
        return train(digits, options)[1].epochs[-1].loss

    assert final_loss(0.2) > final_loss(0.0) + 0.2


def test_a_loss_that_is_not_a_number_stops_with_a_cure(digits: Dataset) -> None:
    import keras

    def compile_broken(model: Any, optimizer: Any, options: Any) -> str:
        def broken(labels: Any, logits: Any) -> Any:
            return keras.ops.sum(logits, axis=-1) * float("nan")

        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        model.compile(optimizer=optimizer, loss=broken, metrics=[accuracy])
        return "accuracy"

    with pytest.raises(BadData, match="training loss became nan in epoch 1") as caught:
        train(digits, task=dataclasses.replace(TASK, compile=compile_broken))
    assert "--learning-rate 0.0001" in str(caught.value)
