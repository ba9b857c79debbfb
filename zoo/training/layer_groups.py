"""Groups of layers from the head down, for gradual unfreezing and discriminative rates.

Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification",
arXiv:1801.06146: layers are unfrozen one group per epoch (3.3), and each group learns slower than
the one above it (3.2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.training import Training
from zoo.networks.building import HEAD, leaves


def layer_groups(network: Any, count: int, backbone: Collection[str] = ()) -> list[list[Any]]:
    """Divides the layers that have weights into groups, the head being the first.

    A layer that only scales or shifts (a batch normalization) goes with the layer whose output it
    takes. Works on the graph alone, without help of plugins.

    Args:
        network: A functional `keras.Model`; models inside it are looked into.
        count: Number of groups.
        backbone: Names of the layers below the first group; of none, all but the head.

    Returns:
        At most `count` groups of Keras layers, from the head down to the input, about equally many
        layers in each below the head.
    """
    units = _units(network)
    if not units:
        return []
    place = next((n for n, unit in enumerate(units) if unit[0].name == HEAD), len(units) - 1)
    head = units.pop(place)
    if backbone:
        head = [*head, *(one for unit in units if unit[0].name not in backbone for one in unit)]
        units = [unit for unit in units if unit[0].name in backbone]
    groups = min(count - 1, len(units))
    groups_below = []
    for number in range(groups):
        start, end = (len(units) * n // groups for n in (number, number + 1))
        groups_below.append([layer for unit in units[start:end] for layer in unit])
    return [head, *reversed(groups_below)]


def unfreeze_groups(network: Any, groups: Sequence[Sequence[Any]], number: int) -> None:
    """Makes the first `number` groups trainable, and no other layer that has weights."""
    for layer in network.layers:
        layer.trainable = True  # a model inside passes this on to its layers
    for group in groups[number:]:
        for layer in group:
            layer.trainable = False


def freeze(network: Any, rule: str, backbone: Collection[str] = ()) -> None:
    """Makes all layers trainable but those that `rule` freezes for good.

    Args:
        network: A `keras.Model`.
        rule: As `Training.freeze` has it.
        backbone: Names of the layers that are called so; of none, all but the head.
    """
    for layer in network.layers:
        behind = layer.name not in backbone if backbone else layer.name == HEAD
        layer.trainable = rule != "backbone" or behind


def describe_groups(groups: Sequence[Sequence[Any]], options: Training) -> str:
    """How the layers were grouped, for the result."""
    shown = []
    for number, group in enumerate(groups):
        names = group[0].name if len(group) == 1 else f"{group[0].name} … {group[-1].name}"
        shown.append(f"{names} (rate × {options.factor**-number:.3g})")
    thawed = ", one more thawed in each epoch" if options.freeze == "gradual" else ""
    fewer = f", {options.groups} asked for" if len(groups) < options.groups else ""
    return f"{len(groups)} groups of layers{fewer}{thawed}: {'; '.join(shown)}"


def _units(network: Any) -> list[list[Any]]:
    """Layers with weights in topological order, each with the normalizations behind it."""
    units: list[list[Any]] = []
    unit_of: dict[int, int] = {}  # layer → its unit, or the unit that its input comes from
    producers: dict[int, Any] = {}
    for layer in leaves(network):
        sources = [unit_of[id(p)] for p in _producers(layer, producers) if id(p) in unit_of]
        above = max(sources, default=len(units) - 1)
        if not layer.weights:
            unit_of[id(layer)] = above
        elif above >= 0 and all(len(weight.shape) <= 1 for weight in layer.weights):
            units[above].append(layer)
            unit_of[id(layer)] = above
        else:
            unit_of[id(layer)] = len(units)
            units.append([layer])
        for tensor in _tensors(layer, "output"):
            producers[id(tensor)] = layer
    return units


def _producers(layer: Any, producers: dict[int, Any]) -> list[Any]:
    """The layers whose outputs a layer takes; none known for one that is used twice."""
    return [producers[id(t)] for t in _tensors(layer, "input") if id(t) in producers]


def _tensors(layer: Any, side: str) -> list[Any]:
    try:
        tensors = getattr(layer, side)
    except (AttributeError, ValueError):  # never called, or called in several places
        return []
    flat: list[Any] = require("keras").tree.flatten(tensors)
    return flat
