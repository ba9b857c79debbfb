"""Mapping of a file's operators to Keras layers, for every format.

Converters name operators after the scopes that Keras opened, such as ``resnet8_1/stem_conv_1/…``;
fused operators have several such names, and some passes of the converters leave none. A nameless
operator then computes those layers between its neighbours' that no other operator mentions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.common.errors import UnknownName, Unsupported
from zoo.common.optional_imports import require
from zoo.networks.layer_names import LayerNames


@dataclass(frozen=True)
class Operator:
    """An operator of a file, as its mapping to layers needs it.

    Attributes:
        key: Its name for the quantizer.
        kind: Such as ``CONV_2D``.
        names: Every name that may identify its layers.
        reads: Names of the tensors it takes.
        makes: Names of the tensors it gives.
    """

    key: str
    kind: str
    names: tuple[str, ...]
    reads: tuple[str, ...]
    makes: tuple[str, ...]


def layer_names(model: Any) -> list[str]:
    """Names of a Keras model's layers, of nested ones too, in the order in which they compute."""
    return list(dict.fromkeys(layer.name for layer in visible_layers(model)))


def check_layers(model: Any, wanted: Iterable[str]) -> None:
    """Refuses names that no layer has, with the nearest that one has.

    Raises:
        UnknownName: Of the first such name.
    """
    known = layer_names(model)
    for name in wanted:
        if name not in known:
            raise UnknownName("layer", name, known)


def layers_of(operators: Sequence[Operator], model: Any) -> list[frozenset[str]]:
    """Names of the Keras layers that each operator computes, in part at least; often one."""
    known = layer_names(model)
    order = {name: place for place, name in enumerate(known)}
    names = LayerNames(known, (name for operator in operators for name in operator.names))
    said = [frozenset(names.of(*operator.names)) for operator in operators]
    named = frozenset().union(*said)
    silent = [name for name in _computing(model) if name not in named]
    makers = {made: n for n, operator in enumerate(operators) for made in operator.makes}
    before = [[makers[r] for r in operator.reads if r in makers] for operator in operators]
    after: list[list[int]] = [[] for _ in operators]
    for number, sources in enumerate(before):
        for source in sources:
            after[source].append(number)
    found = []
    for number, own in enumerate(said):
        if own:
            found.append(own)
            continue
        earlier = _nearest_layers(number, before, said)
        later = _nearest_layers(number, after, said)
        low = min((order[name] for name in earlier), default=-1)
        high = min((order[name] for name in later), default=len(order))
        between = {name for name in silent if low < order[name] < high}
        # Part of a layer may stand before the rest of it: reshaped constants of a folded one, say.
        between |= {name for name in earlier if order[name] > low and later}
        found.append(frozenset(between) or (earlier & later) or (later or earlier))
    return found


def operators_of(
    layers: Iterable[str], operators: Sequence[Operator], model: Any, format: str
) -> list[Operator]:
    """The operators that compute any of these layers.

    Raises:
        UnknownName: The model has no such layer.
        Unsupported: No operator of the file computes it.
    """
    wanted = list(layers)
    check_layers(model, wanted)
    computed = layers_of(operators, model)
    for name in wanted:
        if not any(name in own for own in computed):
            others = frozenset().union(*computed)
            choices = [other for other in layer_names(model) if other in others]
            raise Unsupported(
                f"no operator of the {format} file computes layer {name!r}",
                why="the converter folded it into a neighbour, or it does nothing in a file",
                fix=f"keep one of these: {', '.join(choices)}",
            )
    return [o for o, own in zip(operators, computed, strict=True) if own & set(wanted)]


def visible_layers(model: Any) -> Iterator[Any]:
    """Leaf layers, and those inside wrappers, in the order in which they compute."""
    for layer in getattr(model, "operations", None) or model.layers:
        if hasattr(layer, "layers"):
            yield from visible_layers(layer)
        elif hasattr(layer, "_flatten_layers"):
            # A recurrent layer has a cell, which is a layer to Keras alone.
            yield from (one for one in layer._flatten_layers() if _is_visible(one))


def _is_visible(layer: Any) -> bool:
    return hasattr(layer, "cell") or not hasattr(layer, "state_size")


def _computing(model: Any) -> Iterator[str]:
    """Names of those layers that may become operators of a file."""
    layers = require("keras").layers
    names = ("InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout")
    idle = tuple(getattr(layers, n) for n in (*names, "GaussianNoise", "GaussianDropout"))
    seen = dict.fromkeys(
        layer.name for layer in visible_layers(model) if not isinstance(layer, idle)
    )
    return iter(seen)


def _nearest_layers(
    start: int, neighbours: list[list[int]], said: list[frozenset[str]]
) -> frozenset[str]:
    """Layers of the nearest operators in one direction that have any."""
    found: set[str] = set()
    seen, waiting = {start}, list(neighbours[start])
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        if said[number]:
            found |= said[number]
        else:
            waiting += neighbours[number]
    return frozenset(found)
