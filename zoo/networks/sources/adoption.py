"""Architecture and variant of a foreign network, from the card of its converted weights."""

from __future__ import annotations

from pathlib import Path

from zoo.common.errors import BadFile, UnknownName
from zoo.contracts import Architecture, Variant
from zoo.networks.card import Card
from zoo.networks.sources.graph import builder
from zoo.registry import Registry


def adopted(registry: Registry, card: Card, weights: Path) -> tuple[Architecture, Variant]:
    """Makes the registry know the network that came with these weights; reads no graph yet.

    Raises:
        BadFile: Its source is not here, or its card lacks what it takes.
    """
    came = card.network
    if came is None or card.preprocessing is None:
        raise BadFile(
            f"the card of {weights} does not say what its network takes",
            fix="open the network anew, from the file that it came from",
        )
    try:
        registry.sources.get(came.source)
    except UnknownName as error:
        raise BadFile(
            f"{weights} came by the source {came.source!r}, which nothing provides",
            fix="load the plugin that does: zoo --plugin PATH …",
        ) from error
    variant = Variant(
        name=card.variant,
        task=came.task,
        preprocessing=card.preprocessing,
        classes=len(card.classes),
        parameters=came.parameters,
        multiply_adds=came.multiply_adds,
        output_shape=came.outputs or (None,),
    )
    architecture = Architecture(
        name=card.variant,
        summary=f"from {came.file}",
        source=f"{came.file}, SHA-256 {came.sha256}",
        build=builder(weights),
        variants=(variant,),
        licence=card.licence,
    )
    registry.adopt(architecture, came.source)
    return architecture, variant
