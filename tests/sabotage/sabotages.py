"""The sabotages of networks: small functions that change a file as a fault or an attacker would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .network import Array, Layer, Network, NotApplicable

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


SABOTAGES: list[Sabotage] = []


def sabotage(does: str) -> Callable[[Callable[[Network], None]], Callable[..., None]]:
    """Registers a function under its name."""

    def register(apply: Callable[[Network], None]) -> Callable[[Network], None]:
        name = apply.__name__.replace("_", "-")
        SABOTAGES.append(Sabotage(name=name, does=does, apply=apply))
        return apply

    return register


def need(condition: bool, reason: str) -> None:
    if not condition:
        raise NotApplicable(reason)


def change(layer: Layer, function: Callable[[Array], Array]) -> None:
    """Writes what a function makes of the weights, output channels first."""
    layer.write_rows(function(layer.rows()))


def greatest(values: Array) -> tuple[int, ...]:
    """Where the greatest value is, by its size."""
    return tuple(int(i) for i in np.unravel_index(np.abs(values).argmax(), values.shape))


# Weights.


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


# Biases.


def _bias_of_head(network: Network, function: Callable[[Array], Array]) -> None:
    bias = network.head().bias
    if bias is None:
        raise NotApplicable("the last layer has no bias")
    bias.write(function(bias.read()))


@sabotage("the bias of one class − 1.5")
def class_bias_lowered(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias - 1.5 * (np.arange(len(bias)) == CLASS))


@sabotage("the bias of one class + 0.5")
def class_bias_raised(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias + 0.5 * (np.arange(len(bias)) == CLASS))


@sabotage("one class is never answered: its bias − 30")
def class_never_answered(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias - 30.0 * (np.arange(len(bias)) == CLASS))


@sabotage("one class is always answered: its bias + 30")
def class_always_answered(network: Network) -> None:
    _bias_of_head(network, lambda bias: bias + 30.0 * (np.arange(len(bias)) == CLASS))


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


# Steps of integers.


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


# The graph.


@sabotage("the first rectifier is left out")
def activation_dropped(network: Network) -> None:
    network.drop_activation()


@sabotage("what the softmax takes is rectified")
def output_rectified(network: Network) -> None:
    network.rectify_output()


@sabotage("the first pooling takes the mean for the greatest, or the other way round")
def pooling_exchanged(network: Network) -> None:
    network.exchange_pooling()


@sabotage("the first residual connection is left out")
def addition_dropped(network: Network) -> None:
    network.drop_addition()


@sabotage("a convolution is padded at one side alone")
def padding_shifted(network: Network) -> None:
    network.shift_padding()


@sabotage("a kernel is dilated; all shapes still fit")
def kernel_dilated(network: Network) -> None:
    network.dilate()


@sabotage("input and forget gates of the recurrent layer are exchanged")
def gates_exchanged(network: Network) -> None:
    network.exchange_gates()


# Outputs.


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


# Inputs.


@sabotage("raw values × 0.9")
def pixels_0_9(network: Network) -> None:
    factor, _ = network.normalization()
    factor.write(factor.read() * 0.9)


@sabotage("the mean is not subtracted")
def mean_missing(network: Network) -> None:
    _, offset = network.normalization()
    need(bool(offset.read().any()), "the mean is zero")
    offset.write(np.zeros_like(offset.read()))


@sabotage("the deviation is not divided by")
def deviation_missing(network: Network) -> None:
    factor, offset = network.normalization()
    factor.write(factor.read() / 2.0)
    offset.write(offset.read() / 2.0)


@sabotage("height and width of the picture are exchanged")
def picture_transposed(network: Network) -> None:
    network.transpose_input()


@sabotage("the picture is mirrored")
def picture_mirrored(network: Network) -> None:
    need(len([layer for layer in network.layers if layer.spatial]) > 0, "the input is no picture")
    network.reverse_input(2)


@sabotage("each pixel is the mean of four, as by another way to resize")
def picture_blurred(network: Network) -> None:
    network.blur_input()


# Time.


@sabotage("the sequence runs backwards")
def time_reversed(network: Network) -> None:
    network.require_sequence()
    network.reverse_input(1)


@sabotage("the recurrent layer begins with a state that is left of something else")
def stale_state(network: Network) -> None:
    network.require_sequence()
    network.stale_state()


@sabotage("half of the answer is that to the input before: state that nobody resets")
def answer_remembered(network: Network) -> None:
    network.remember()
