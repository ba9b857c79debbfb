"""What the zoo holds: lists and details that build no network and import nothing heavy."""

from __future__ import annotations

import fnmatch
from dataclasses import asdict, dataclass
from typing import Any

from zoo.checkpoints import SUFFIX, Checkpoint, packaged, resolve
from zoo.contracts import Architecture, Variant
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """A row of ``zoo list``.

    Attributes:
        name: Of the variant.
        architecture: The family.
        task: What its outputs mean.
        input_shape: Of one input; for images height, width, channels.
        parameters: All weights.
        multiply_adds: For one input.
        licence: Of the network's code.
        weights: Tags of packaged weights.
        summary: The family in one line.
    """

    name: str
    architecture: str
    task: str
    input_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    licence: str
    weights: tuple[str, ...]
    summary: str


def models(registry: Registry, pattern: str = "*") -> list[ModelSummary]:
    """The models whose name, family or model id matches a shell pattern (``res*``)."""
    found = (_summary(architecture, variant) for architecture, variant in registry.variants())
    return [row for row in found if _matches(row, pattern)]


def _summary(architecture: Architecture, variant: Variant) -> ModelSummary:
    return ModelSummary(
        name=variant.name,
        architecture=architecture.name,
        task=variant.task,
        input_shape=variant.preprocessing.input_shape,
        parameters=variant.parameters,
        multiply_adds=variant.multiply_adds,
        licence=architecture.licence,
        weights=tuple(packaged(architecture, variant)),
        summary=architecture.summary,
    )


def _matches(row: ModelSummary, pattern: str) -> bool:
    names = [row.name, row.architecture, *(f"{row.name}.{tag}" for tag in row.weights)]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def info(registry: Registry, model: str) -> dict[str, Any]:
    """Everything known about a model: its record, its weights and their cards.

    Raises:
        UnknownName: No such model; offers the nearest.
    """
    architecture, variant, found = resolve(registry, model)
    plugin = registry.architectures.provider(architecture.name)
    weights = [
        Checkpoint(architecture=architecture, variant=variant, path=path)
        for path in packaged(architecture, variant).values()
    ]
    if found is not None and model.endswith(SUFFIX):
        weights = [found]
    cards = {checkpoint.model_id: asdict(checkpoint.card()) for checkpoint in weights}
    return {
        **asdict(_summary(architecture, variant)),
        "source": architecture.source,
        "classes": variant.classes,
        "preprocessing": asdict(variant.preprocessing),
        "input": variant.preprocessing.describe(),
        "hyperparameters": dict(variant.hyperparameters),
        "plugin": {
            "name": plugin.name,
            "origin": plugin.origin,
            "distribution": plugin.distribution,
            "version": plugin.version,
        },
        "cards": cards,
    }
