"""What integers stand for: other scales and zero points."""

from __future__ import annotations

import numpy as np

from ..network import Array, Constant, Layer, Network
from .sabotage import need, sabotage


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


@sabotage("the integers of a layer's weights are read with a zero point + 1")
def weight_zero_point_1(network: Network) -> None:
    weights = _scaled(network).weights
    least, most = weights.limits()
    lower = weights.stored().astype(np.int32) - 1
    weights.store(np.clip(lower, least, most).astype(weights.stored().dtype))


def _in_four_bits(layer: Layer) -> bool:
    return layer.weights.scale is not None and layer.weights.limits()[1] == 7


@sabotage("the two weights of each byte are read in the other order")
def nibbles_exchanged(network: Network) -> None:
    weights = network.middle(_in_four_bits).weights
    stored = weights.stored()
    values = stored.reshape(-1).copy()
    even = len(values) // 2 * 2
    values[:even] = values[:even].reshape(-1, 2)[:, ::-1].reshape(-1)
    weights.store(values.reshape(stored.shape))


def _scales_of_blocks(network: Network) -> tuple[Constant, Array]:
    """The weights of a layer in the middle with several blocks a row, and their scales."""

    def in_blocks(layer: Layer) -> bool:
        scale = layer.weights.scale
        return scale is not None and scale.ndim == 2 and min(scale.shape) > 1

    weights = network.middle(in_blocks).weights
    assert weights.scale is not None
    return weights, weights.scale.copy()


@sabotage("the scales of a layer's blocks are read column by column")
def block_scales_transposed(network: Network) -> None:
    weights, scale = _scales_of_blocks(network)
    weights.scale = np.ascontiguousarray(scale.T).reshape(scale.shape)


@sabotage("one block, of the greatest scale, has the least scale of its layer")
def block_scale_of_another(network: Network) -> None:
    weights, scale = _scales_of_blocks(network)
    scale[np.unravel_index(scale.argmax(), scale.shape)] = scale.min()
    need(bool((scale != weights.scale).any()), "all blocks have the same scale")
    weights.scale = scale


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
