"""Other weights."""

from __future__ import annotations

import numpy as np

from ..network import Array, Layer, Network
from .sabotage import CLASS, change, greatest, need, sabotage


def _one_weight(layer: Layer, by: float) -> None:
    def moved(rows: Array) -> Array:
        place = greatest(rows)
        # Towards zero, so that an integer that is at its limit moves, too.
        rows[place] -= np.sign(rows[place]) * by
        return rows

    change(layer, moved)


@sabotage("one weight of the first layer moves by 0.2")
def one_weight_of_first(network: Network) -> None:
    _one_weight(network.layers[0], 0.2)


@sabotage("one weight in the middle moves by 0.2")
def one_weight_of_middle(network: Network) -> None:
    _one_weight(network.middle(), 0.2)


@sabotage("one weight of the last layer + 0.2")
def one_weight_of_last(network: Network) -> None:
    def moved(rows: Array) -> Array:
        # Of the input that matters most to all outputs: one that is always zero matters to none.
        flat = rows.reshape(len(rows), -1)
        flat[min(CLASS, len(rows) - 1), int(np.abs(flat).mean(axis=0).argmax())] += 0.2
        return flat.reshape(rows.shape)

    change(network.layers[-1], moved)


@sabotage("an output channel in the middle is zero, bias and all")
def channel_zeroed(network: Network) -> None:
    layer = network.middle(lambda layer: layer.channels > 2 and layer.bias is not None)

    def zeroed(rows: Array) -> Array:
        rows[int(np.abs(rows).reshape(len(rows), -1).sum(1).argmax())] = 0.0
        return rows

    change(layer, zeroed)


@sabotage("two output channels in the middle are exchanged")
def channels_swapped(network: Network) -> None:
    layer = network.middle(lambda layer: layer.channels > 2)

    def swapped(rows: Array) -> Array:
        rows[[0, 1]] = rows[[1, 0]]
        return rows

    change(layer, swapped)


@sabotage("all weights of a layer in the middle have the other sign")
def sign_flipped(network: Network) -> None:
    change(network.middle(), np.negative)


@sabotage("one filter has the other sign")
def filter_sign_flipped(network: Network) -> None:
    def flipped(rows: Array) -> Array:
        rows[0] *= -1.0
        return rows

    change(network.middle(), flipped)


@sabotage("a layer in the middle × 0.9")
def layer_scaled_down(network: Network) -> None:
    change(network.middle(), lambda rows: rows * 0.9)


@sabotage("a layer in the middle × 1.1")
def layer_scaled_up(network: Network) -> None:
    change(network.middle(), lambda rows: rows * 1.1)


@sabotage("all layers × 0.97")
def all_scaled_down(network: Network) -> None:
    for layer in network.layers:
        change(layer, lambda rows: rows * 0.97)


@sabotage("one filter in the middle is replaced by random numbers")
def filter_replaced(network: Network) -> None:
    layer = network.middle(lambda layer: layer.channels > 2)

    def replaced(rows: Array) -> Array:
        rows[0] = np.random.default_rng(0).normal(rows[0].mean(), rows[0].std(), rows[0].shape)
        return rows

    change(layer, replaced)


def _rounded(rows: Array, bits: int) -> Array:
    step = np.abs(rows).max() / (2 ** (bits - 1) - 1)
    return np.rint(rows / step) * step if step else rows


@sabotage("all weights are rounded to 4 bits, one scale for each layer")
def rounded_to_4_bits(network: Network) -> None:
    for layer in network.layers:
        change(layer, lambda rows: _rounded(rows, 4))


@sabotage("all weights are rounded to 2 bits, one scale for each layer")
def rounded_to_2_bits(network: Network) -> None:
    for layer in network.layers:
        change(layer, lambda rows: _rounded(rows, 2))


@sabotage("the smaller half of all weights is zero")
def half_pruned(network: Network) -> None:
    for layer in network.layers:
        change(layer, lambda rows: np.where(np.abs(rows) < np.median(np.abs(rows)), 0.0, rows))


@sabotage("noise of a tenth of each layer's deviation")
def noise_on_weights(network: Network) -> None:
    random = np.random.default_rng(0)
    for layer in network.layers:
        change(layer, lambda rows: rows + random.normal(0.0, 0.1 * rows.std(), rows.shape))


@sabotage("a square matrix, or the sides of all kernels, are transposed")
def matrix_transposed(network: Network) -> None:
    found = False
    for layer in network.layers:
        values = layer.weights.read()
        if layer.spatial:
            layer.weights.write(np.swapaxes(values, *layer.spatial))
            found = found or values.shape[layer.spatial[0]] > 1
        elif values.ndim == 2 and values.shape[0] == values.shape[1]:
            layer.weights.write(values.T)
            found = True
    need(found, "no matrix is square")


@sabotage("all kernels are mirrored: correlation taken for convolution")
def kernels_mirrored(network: Network) -> None:
    found = [layer for layer in network.layers if layer.spatial]
    need(bool(found), "no layer has kernels")
    for layer in found:
        layer.weights.write(np.flip(layer.weights.read(), layer.spatial))


@sabotage("the input channels run backwards: BGR for RGB")
def input_channels_swapped(network: Network) -> None:
    layer = network.layers[0]
    rows = layer.rows()
    need(bool(layer.spatial), "the input is no picture")
    # TFLite: (out, height, width, in), ONNX: (out, in, height, width).
    axis = 3 if layer.spatial == (1, 2) else 1
    need(rows.shape[axis] == 3, "the input has no three channels")
    layer.write_rows(np.flip(rows, axis))


@sabotage("the table of words is off by one")
def vocabulary_shifted(network: Network) -> None:
    table = network.vocabulary()
    table.store(np.roll(table.stored(), 1, axis=0))
