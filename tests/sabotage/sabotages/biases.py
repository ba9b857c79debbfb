"""Other biases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..network import Array, Network, NotApplicable
from .sabotage import CLASS, need, sabotage


def _one_of(bias: Array) -> Array:
    return np.arange(len(bias)) == min(CLASS, len(bias) - 1)


def _bias_of_head(network: Network, function: Callable[[Array], Array]) -> None:
    bias = network.head().bias
    if bias is None:
        raise NotApplicable("the last layer has no bias")
    bias.write(function(bias.read()))


@sabotage("the bias of one class − 1.5")
def class_bias_lowered(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias - 1.5 * _one_of(bias))


@sabotage("the bias of one class + 0.5")
def class_bias_raised(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias + 0.5 * _one_of(bias))


@sabotage("the bias of one output is lower by a tenth of what its weights add up to")
def output_bias_lowered(network: Network) -> None:
    rows = network.head().rows()
    size = np.abs(rows.reshape(len(rows), -1)).sum(1)
    _bias_of_head(network, lambda bias: bias - 0.1 * size * _one_of(bias))


@sabotage("one class is never answered: its bias − 30")
def class_never_answered(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias - 30.0 * _one_of(bias))


@sabotage("one class is always answered: its bias + 30")
def class_always_answered(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias + 30.0 * _one_of(bias))


def _biases(network: Network, function: Callable[[Array], Array]) -> None:
    found = [layer.bias for layer in network.layers if layer.bias is not None]
    need(bool(found), "no layer has a bias")
    for bias in found:
        bias.write(function(bias.read()))


@sabotage("all biases are zero")
def biases_zeroed(network: Network) -> None:
    _biases(network, np.zeros_like)


@sabotage("all biases are those of the channel before")
def biases_shifted(network: Network) -> None:
    _biases(network, lambda bias: np.roll(bias, 1, axis=-1))


@sabotage("the biases of a layer in the middle are permuted")
def biases_permuted(network: Network) -> None:
    layer = network.middle(lambda layer: layer.bias is not None and layer.channels > 2)
    assert layer.bias is not None
    bias = layer.bias.read()
    layer.bias.write(np.random.default_rng(0).permutation(bias.reshape(-1)).reshape(bias.shape))


@sabotage("all biases + 0.1")
def biases_raised(network: Network) -> None:
    _biases(network, lambda bias: bias + 0.1)
