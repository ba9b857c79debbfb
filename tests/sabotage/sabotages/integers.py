"""What integers stand for: other scales and zero points."""

from __future__ import annotations

import numpy as np

from ..network import Layer, Network
from .sabotage import sabotage


def _scaled(network: Network) -> Layer:
    return network.middle(lambda layer: layer.weights.scale is not None)


def _scale_weights(network: Network, factor: float) -> None:
    layer = _scaled(network)
    assert layer.weights.scale is not None
    layer.weights.scale = layer.weights.scale * factor


@sabotage("the scale of a layer's weights × 1.1")
def weight_scale_1_1(network: Network) -> None:
    _scale_weights(network, 1.1)


@sabotage("the scale of a layer's weights × 2")
def weight_scale_2(network: Network) -> None:
    _scale_weights(network, 2.0)


def _per_channel(network: Network) -> Layer:
    return network.middle(
        lambda layer: layer.weights.scale is not None and layer.weights.scale.size > 1
    )


@sabotage("scales of a layer's channels are permuted")
def channel_scales_permuted(network: Network) -> None:
    layer = _per_channel(network)
    assert layer.weights.scale is not None
    layer.weights.scale = np.roll(layer.weights.scale, 1)


@sabotage("the channels of all layers have the mean of their scales, integers as before")
def channel_scales_averaged(network: Network) -> None:
    _per_channel(network)
    for layer in network.layers:
        if layer.weights.scale is not None:
            layer.weights.scale = np.full_like(layer.weights.scale, layer.weights.scale.mean())


@sabotage("weights are quantized anew, with one scale for a layer in place of channels")
def per_tensor(network: Network) -> None:
    _per_channel(network)
    for layer in network.layers:
        if layer.weights.scale is not None:
            values = layer.weights.read()
            layer.weights.scale = np.full_like(layer.weights.scale, layer.weights.scale.max())
            layer.weights.write(values)


@sabotage("integers between two operators are read with a scale × 1.1")
def activation_scale_1_1(network: Network) -> None:
    network.change_step(1.1, 0)


@sabotage("integers between two operators are read with a scale × 2")
def activation_scale_2(network: Network) -> None:
    network.change_step(2.0, 0)


@sabotage("integers between two operators are read with a zero point + 1")
def zero_point_1(network: Network) -> None:
    network.change_step(1.0, 1)


@sabotage("integers between two operators are read with a zero point + 8")
def zero_point_8(network: Network) -> None:
    network.change_step(1.0, 8)
