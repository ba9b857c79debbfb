"""Models and datasets, from Python: list, describe, load, open."""

from __future__ import annotations

from typing import Any

from zoo.artifacts.not_weights import weights_of_exported_files
from zoo.common.progress import quiet
from zoo.contracts.dataset import Dataset
from zoo.data import opening
from zoo.networks import catalogue
from zoo.networks.catalogue import ModelSummary
from zoo.networks.checkpoints import resolve
from zoo.networks.loading import Subject
from zoo.networks.published.official import fetched_model
from zoo.registry import PluginSettings, Registry, load_registry


def models(pattern: str = "*", *, registry: Registry | None = None) -> list[ModelSummary]:
    """The models whose name, family or model id matches a shell pattern; builds none."""
    return catalogue.models(registry or load_registry(), pattern)


def info(model: str, *, registry: Registry | None = None) -> dict[str, Any]:
    """Everything known about one model: its record, its weights and their cards."""
    registry = registry or load_registry()
    with weights_of_exported_files(registry, model):
        return catalogue.info(registry, model)


def load(model: str, *, registry: Registry | None = None) -> Any:
    """A Keras model with pretrained weights: raw pixels in, the task's outputs out.

    Args:
        model: Variant, model id or weights file.
        registry: None discovers plugins anew.

    Returns:
        A `keras.Model`; input float32 (batch, height, width, channels), values 0-255. Its
        `predict` also takes what `zoo.predict` does, and answers with `Predictions`.

    Raises:
        UnknownName: No such model; offers the nearest.
        BadFile: The weights are altered.
    """
    settings = registry.settings if registry is not None else PluginSettings()
    registry = registry or load_registry()
    model = fetched_model(registry, model, quiet)
    with weights_of_exported_files(registry, model):
        resolve(registry, model)  # a wrong name must not wait for TensorFlow
    from zoo.api.predictions import predict_of
    from zoo.pipeline.steps.evaluate import load_for_user

    loaded, network = load_for_user(Subject(model=model, plugins=settings))
    # Of this object alone: what Keras saves of the network is as it was.
    network.predict = predict_of(registry, loaded, network)
    return network


def open_dataset(
    name: str, *, allow_leak: bool = False, registry: Registry | None = None
) -> Dataset:
    """Opens a dataset: its splits, classes, and what should be known about it.

    Args:
        name: As after ``--data``: ``digits``, ``folder:photos``, ``csv:walk.csv?window=50``.
        allow_leak: Whether examples that are in two splits are noted, not refused.
        registry: None discovers plugins anew.

    Raises:
        UnknownName: Nothing provides such a dataset; offers the nearest.
        ZooError: It cannot be used; says why.
    """
    return opening.judged_dataset(registry or load_registry(), name, allow_leak=allow_leak)
