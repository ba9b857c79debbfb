"""A sabotage: a small function that changes a file's network as a fault or an attacker would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..network import Array, Layer, Network, NotApplicable

#: Of the class that is harmed, and of the one that it is exchanged with.
CLASS, OTHER = 3, 4


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """A change of a file's network.

    Attributes:
        name: ``one-weight``.
        does: In words.
        apply: Changes the network; raises `NotApplicable` where there is nothing to change.
    """

    name: str
    does: str
    apply: Callable[[Network], None]


def sabotage(does: str) -> Callable[[Callable[[Network], None]], Sabotage]:
    """Makes a sabotage of a function, under its name."""

    def made(apply: Callable[[Network], None]) -> Sabotage:
        return Sabotage(name=apply.__name__.replace("_", "-"), does=does, apply=apply)

    return made


def need(condition: bool, reason: str) -> None:
    if not condition:
        raise NotApplicable(reason)


def change(layer: Layer, function: Callable[[Array], Array]) -> None:
    """Writes what a function makes of the weights, output channels first."""
    layer.write_rows(function(layer.rows()))


def greatest(values: Array) -> tuple[int, ...]:
    """Where the greatest value is, by its size."""
    return tuple(int(i) for i in np.unravel_index(np.abs(values).argmax(), values.shape))
