"""Other answers of a network that computes as before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..network import Array, Network
from .sabotage import CLASS, OTHER, sabotage


@sabotage("the softmax is left out: logits for probabilities")
def softmax_dropped(network: Network) -> None:
    network.drop_softmax()


@sabotage("the softmax is applied twice")
def softmax_twice(network: Network) -> None:
    network.repeat_softmax()


@sabotage("logits × 0.3: probabilities are squeezed, choices stay")
def squeezed(network: Network) -> None:
    network.heat(0.3)


@sabotage("logits × 0.7: probabilities are somewhat squeezed, choices stay")
def somewhat_squeezed(network: Network) -> None:
    network.heat(0.7)


@sabotage("logits × 3: the network is too sure, choices stay")
def too_sure(network: Network) -> None:
    network.heat(3.0)


def _reorder(network: Network, order: Callable[[int], Array]) -> None:
    layer = network.head()
    layer.reorder(order(layer.channels))


@sabotage("all outputs are those of the class after")
def outputs_permuted(network: Network) -> None:
    _reorder(network, lambda count: np.roll(np.arange(count), -1))


@sabotage("the outputs of two classes are exchanged")
def two_outputs_exchanged(network: Network) -> None:
    def exchanged(count: int) -> Array:
        places = np.arange(count)
        places[[CLASS, OTHER]] = [OTHER, CLASS]
        return places

    _reorder(network, exchanged)


@sabotage("outputs of more than 0.95 are not a number")
def not_a_number(network: Network) -> None:
    network.fail_above(0.95)
