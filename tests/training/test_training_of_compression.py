"""An interrupted training of compression ends where an unbroken one does, its noise included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_training import Interruption

from zoo.contracts import Dataset, Split
from zoo.contracts.training import Training
from zoo.networks.building import build_network
from zoo.registry import load_registry
from zoo.training.trainer import Trainer

pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def patches() -> Dataset:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (24, 8, 8, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)

    def split(first: int, last: int) -> Split:
        own = pixels[first:last]
        return Split(labels=own, read=own.__getitem__, content_hash=str(first))

    return Dataset(
        name="patches",
        classes=("picture",),
        splits={"train": split(0, 16), "validation": split(16, 20), "test": split(20, 24)},
        content_hash="1",
        licence="CC0-1.0",
    )


def train(patches: Dataset, folder: Path, stop_after: int = 99) -> tuple[Any, Trainer]:
    import keras

    registry = load_registry()
    architecture, variant = registry.variant("autoencoder_small")
    keras.utils.set_random_seed(3)
    network = build_network(architecture, variant, 1, {"filters": 12})

    def emit(event: dict[str, Any]) -> None:
        if event["event"] == "batch" and event["epoch"] > stop_after:
            raise Interruption

    trainer = Trainer(
        network,
        registry.tasks.get(variant.task),
        variant.preprocessing,
        Training(epochs=2, batch_size=8),
        seed=3,
        folder=folder,
        emit=emit,
    )
    trainer.fit(patches)
    return network, trainer


@pytest.mark.slow
def test_a_resumed_training_ends_where_an_unbroken_one_does(
    patches: Dataset, tmp_path: Path
) -> None:
    whole, unbroken = train(patches, tmp_path / "whole")
    with pytest.raises(Interruption):
        train(patches, tmp_path / "broken", stop_after=1)
    resumed, rest = train(patches, tmp_path / "broken")
    assert [epoch.loss for epoch in rest.epochs] == [epoch.loss for epoch in unbroken.epochs]
    for own, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


def test_the_noise_belongs_to_the_state() -> None:
    registry = load_registry()
    architecture, variant = registry.variant("autoencoder_small")
    task = registry.tasks.get(variant.task)
    network = build_network(architecture, variant, 1, {"filters": 12})
    assert task.trainee is not None
    assert task.state is not None
    (noise,) = task.state(task.trainee(network, variant.preprocessing))
    assert noise.shape == (2,)
