"""Other answers of a network that computes as before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..network import Array, Network
from .sabotage import CLASS, OTHER, change, need, sabotage


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
    need(network.classes > 1, "there is one output")

    def exchanged(count: int) -> Array:
        places = np.arange(count)
        one, other = (CLASS, OTHER) if count > OTHER else (count - 2, count - 1)
        places[[one, other]] = [other, one]
        return places

    _reorder(network, exchanged)


@sabotage("the output of one class × 0.9, before any softmax")
def one_output_scaled(network: Network) -> None:
    _scale_output(network, 0.9)


@sabotage("the output of one class is the same for all inputs")
def one_output_constant(network: Network) -> None:
    _scale_output(network, 0.0)


def _scale_output(network: Network, factor: float) -> None:
    """Of one output the weights, and with them what it adds to the bias."""
    layer = network.head()
    place = min(CLASS, layer.channels - 1)

    def scaled(rows: Array) -> Array:
        rows[place] *= factor
        return rows

    change(layer, scaled)
    if factor and layer.bias is not None:
        bias = layer.bias.read()
        bias.reshape(-1)[place] *= factor
        layer.bias.write(bias)


@sabotage("outputs are cut above the upper quartile of all")
def cut_off(network: Network) -> None:
    network.cut_above(network.high)


@sabotage("the weights are those of another training")
def another_training(network: Network) -> None:
    need(network.other is not None, "the network was trained once")
    assert network.other is not None
    for own, other in zip(network.layers, network.other.layers, strict=True):
        own.weights.write(other.weights.read())
        if own.bias is not None and other.bias is not None:
            own.bias.write(other.bias.read())


@sabotage("outputs of more than 0.95 are not a number")
def not_a_number(network: Network) -> None:
    network.fail_above(0.95)
