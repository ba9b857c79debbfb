"""Layers that are thawed by and by: groups, their rates, and when patience begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import compiled_by
from short_training import (
    ARCHITECTURE,
    TASK,
    VARIANT,
    Interruption,
    assert_equal,
    train,
    values,
)
from short_training import digits as digits

from zoo.common.errors import ZooError
from zoo.contracts import Dataset
from zoo.contracts.training import Training
from zoo.networks.building import build_network

GRADUAL = Training(epochs=4, freeze="gradual", groups=3, dropout=0.2, batch_size=64, patience=0)


@pytest.fixture(scope="module")
def unbroken(digits: Dataset) -> Any:
    """With batch normalization, whose averages belong to the state."""
    return train(digits, GRADUAL, name="resnet8")


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_gradual_unfreezing_is_resumed_exactly(
    digits: Dataset, unbroken: Any, tmp_path: Path, stop_after: int
) -> None:
    network, whole, _ = unbroken
    with pytest.raises(Interruption):
        train(digits, GRADUAL, folder=tmp_path, stop_after=stop_after, name="resnet8")
    resumed, rest, events = train(digits, GRADUAL, folder=tmp_path, name="resnet8")
    assert events[0] == {"event": "resumed", "epoch": stop_after}
    assert [e.loss for e in rest.epochs] == [e.loss for e in whole.epochs]
    assert_equal(network, resumed)


def test_layers_are_thawed_from_the_head_down_one_group_per_epoch(
    digits: Dataset, tmp_path: Path
) -> None:
    """Seen in the checkpoints: who has moved after each epoch."""
    import keras

    def moved_after(epoch: int) -> set[str]:
        network = build_network(ARCHITECTURE, VARIANT, 10, {"dropout": 0.2})
        with np.load(tmp_path / f"latest-{epoch:06d}.npz") as stored:
            state = [stored[name] for name in sorted(stored.files)]
        for variable, value in zip(network.variables, state, strict=False):
            variable.assign(value)
        now = values(network)
        return {n.split("/")[0] for n in before if not np.array_equal(now[n], before[n])}

    moved: dict[int, set[str]] = {}

    def look(event: dict[str, Any]) -> None:
        if event["event"] == "batch" and event["epoch"] - 1 not in {0, *moved}:
            moved[event["epoch"] - 1] = moved_after(event["epoch"] - 1)

    keras.utils.set_random_seed(3)
    before = values(build_network(ARCHITECTURE, VARIANT, 10, {"dropout": 0.2}))
    before = {n: v for n, v in before.items() if n.endswith(("kernel", "bias"))}
    train(digits, GRADUAL, folder=tmp_path, on_event=look)
    assert moved == {
        1: {"head"},
        2: {"head", "c5", "f6"},
        3: {"head", "c5", "f6", "c1", "c3"},
    }


def test_deeper_groups_move_less_and_the_result_says_how_they_were_grouped(
    digits: Dataset,
) -> None:
    import keras

    def moved(factor: float) -> dict[str, float]:
        options = Training(epochs=1, batch_size=64, rate_factor=factor, groups=5)
        network, trainer, _ = train(digits, options)
        if factor > 1:
            assert trainer.notes == [
                "5 groups of layers: head (rate × 1); f6 (rate × 0.1); c5 (rate × 0.01); "
                "c3 (rate × 0.001); c1 (rate × 0.0001)"
            ]
        else:
            assert trainer.notes == []
        keras.utils.set_random_seed(3)
        before = values(build_network(ARCHITECTURE, VARIANT, 10))
        return {n: float(np.abs(v - before[n]).mean()) for n, v in values(network).items()}

    even, graded = moved(1.0), moved(10.0)
    for name, times in (("c5/kernel", 100), ("c3/kernel", 1000), ("c1/kernel", 10_000)):
        assert 0.2 * times < even[name] / graded[name] < 5 * times
    assert 0.5 < even["head/kernel"] / graded["head/kernel"] < 2


def test_with_fewer_epochs_than_groups_the_last_epoch_still_trains_everything(
    digits: Dataset,
) -> None:
    import keras

    options = Training(epochs=2, freeze="gradual", groups=5, batch_size=64)
    network, trainer, _ = train(digits, options)
    assert trainer.notes == [
        "2 groups of layers, 5 asked for, one more thawed in each epoch: "
        "head (rate × 1); c1 … f6 (rate × 0.385)"
    ]
    keras.utils.set_random_seed(3)
    before = values(build_network(ARCHITECTURE, VARIANT, 10))
    if trainer.best_epoch == 2:
        assert not np.array_equal(values(network)["c1/kernel"], before["c1/kernel"])


def test_patience_begins_when_every_layer_is_thawed(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.training.trainer.LEAST_STEPS", 0)
    stuck = Training(epochs=30, freeze="gradual", groups=5, learning_rate=1e-9, patience=2)
    _, trainer, _ = train(digits, stuck)
    # Without progress from the first epoch on: 5 epochs until all is thawed, and two more.
    accuracies = [epoch.validation_metric for epoch in trainer.epochs]
    assert accuracies.index(max(accuracies)) < 5
    assert len(trainer.epochs) == 5 + 2


def test_a_task_with_an_optimizer_of_its_own_cannot_have_groups(digits: Dataset) -> None:
    import keras

    def compile_with_sgd(model: Any, optimizer: Any, options: Any) -> str:
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=[accuracy])
        return "accuracy"

    with pytest.raises(ZooError, match="an optimizer of its own"):
        train(digits, GRADUAL, task=compiled_by(TASK, compile_with_sgd))
