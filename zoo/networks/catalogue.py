"""The catalogue of models; builds no network and imports nothing heavy."""

from __future__ import annotations

import fnmatch
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Variant
from zoo.networks.backbone_weights import weights_of_backbone
from zoo.networks.checkpoints import SUFFIX, Checkpoint, made_here, packaged, resolve
from zoo.networks.published.cache import (
    is_fetched,
    official_path,
    own_weights,
    source_named,
    sources_of,
)
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
        weights: Tags of weights on this machine: packaged, fetched, the user's own.
        not_fetched: Tags of official weights that are fetched when they are first used.
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
    not_fetched: tuple[str, ...]
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
        weights=tuple(_local_weights(architecture, variant)),
        not_fetched=tuple(
            tag for tag, s in sources_of(architecture, variant).items() if not is_fetched(s)
        ),
        summary=architecture.summary,
    )


def _local_weights(architecture: Architecture, variant: Variant) -> dict[str, Path]:
    """Tags and files of the variant's weights on this machine."""
    sources = sources_of(architecture, variant)
    return {
        **packaged(architecture, variant),
        **{tag: official_path(s) for tag, s in sources.items() if is_fetched(s)},
        **own_weights(variant),
    }


def _matches(row: ModelSummary, pattern: str) -> bool:
    tags = (*row.weights, *row.not_fetched)
    names = [row.name, row.architecture, *(f"{row.name}.{tag}" for tag in tags)]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def info(registry: Registry, model: str) -> dict[str, Any]:
    """Everything known about a model: its record, its weights and their cards.

    Of a network from elsewhere it is what that says of itself: its tensors, layers and SHA-256; of
    a name, what its source knows of it, without opening it.

    Raises:
        UnknownName: No such model; offers the nearest.
    """
    from zoo.networks.sources.available import named_network
    from zoo.networks.sources.describing import describe_reference
    from zoo.networks.sources.references import source_of

    elsewhere = source_of(registry, model)
    if elsewhere is not None and (named := named_network(elsewhere, model)) is not None:
        here = bool(named.weights) and elsewhere.local(model).exists()
        return {**asdict(named), "source": elsewhere.summary, "fetched": here}
    if elsewhere is not None:
        return describe_reference(registry, elsewhere, model)
    source = source_named(registry, model)
    made = made_here(registry, model)
    model = model if made is None else str(made)
    # What is known of official weights must not wait until they are fetched.
    architecture, variant, found = resolve(registry, source.variant if source else model)
    preprocessing = (found or variant).preprocessing
    plugin = registry.architectures.provider(architecture.name)
    weights = [
        Checkpoint(architecture=architecture, variant=variant, path=path)
        for path in _local_weights(architecture, variant).values()
    ]
    if found is not None and model.endswith(SUFFIX):
        weights = [found]
    cards = {checkpoint.model_id: _card(checkpoint) for checkpoint in weights}
    return {
        **asdict(_summary(architecture, variant)),
        "source": architecture.source,
        "classes": variant.classes,
        "preprocessing": asdict(preprocessing),
        "input": preprocessing.describe(),
        "hyperparameters": dict(variant.hyperparameters),
        "backbone": "" if variant.backbone is None else variant.backbone.variant,
        "backbone_weights": [*weights_of_backbone(registry, architecture, variant, {})],
        "plugin": {
            "name": plugin.name,
            "origin": plugin.origin,
            "distribution": plugin.distribution,
            "version": plugin.version,
        },
        "cards": cards,
        "official": [
            {
                "model_id": s.model_id,
                "url": s.url,
                "hash": s.expected_hash,
                "licence": s.licence,
                "page": s.page,
                "fetched": is_fetched(s),
            }
            for s in sources_of(architecture, variant).values()
        ],
    }


def _card(checkpoint: Checkpoint) -> dict[str, Any]:
    """The card, with its own preprocessing described in words."""
    card = checkpoint.card()
    own = card.preprocessing
    return {**asdict(card), "input": own.describe() if own else {}}
