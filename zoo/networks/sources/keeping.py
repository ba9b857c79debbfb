"""Foreign networks as weights with their card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.common.versions import versions_of
from zoo.contracts import Preprocessing, Source, SourceReference
from zoo.networks.card import Card, write_card
from zoo.networks.sources.graph import foreign_metadata
from zoo.networks.weights import save_weights


def keep(
    model: Any,
    weights: Path,
    variant: str,
    came: SourceReference,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
    licence: str,
    opener: Source,
) -> None:
    """Writes the weights and their card."""
    metadata = foreign_metadata(model, came, preprocessing, classes)
    card = Card(
        variant=variant,
        tag=came.source,
        dataset="unknown",
        dataset_hash="unknown",
        classes=classes,
        licence=licence,
        sha256=save_weights(model, weights, metadata=metadata),
        preprocessing=preprocessing,
        network=came,
        versions=versions_of(("tensorflow", "keras", "numpy", *opener.distributions)),
    )
    write_card(weights.with_suffix(".toml"), card)
