"""Trainings of a few steps, on 640 scanned digits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.contracts import Dataset, Split
from zoo.contracts.training import Training
from zoo.data.opening import open_dataset
from zoo.networks.building import build_network, variable_names
from zoo.registry import PluginSettings, load_registry
from zoo.training.trainer import Trainer

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
    name: str = "lenet5",
    on_event: Callable[[dict[str, Any]], None] = lambda _: None,
) -> tuple[Any, Trainer, list[dict[str, Any]]]:
    import keras

    keras.utils.set_random_seed(seed)
    architecture, variant = REGISTRY.variant(name)
    network = build_network(architecture, variant, 10, {"dropout": options.dropout or 0.0})
    events: list[dict[str, Any]] = []

    def emit(event: dict[str, Any]) -> None:
        events.append(event)
        on_event(event)
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
