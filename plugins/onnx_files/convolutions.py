"""Convolutions, poolings and the normalization of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .held import Constant, Graph, Held
from .nodes import Made, Node, converts
from .windows import Windows, extended, padded, windows_of

#: Most spatial axes that Keras has layers for.
_MOST_SPATIAL = 3
_EPSILON = 1e-5


def _image(node: Node) -> Held:
    """The first operand, channels last, with its batch of one element dropped."""
    held = node.held()
    if not 3 <= held.rank <= _MOST_SPATIAL + 2:
        node.refuse(f"it takes a tensor of {held.rank} axes")
    if held.shape[0] != 1:
        node.refuse("what it takes as its batch is made of parts of one example")
    return node.graph.channels_last(held)


@converts("Conv")
def convolution(node: Node) -> Made:
    """A convolution; by channel, with groups, or over all."""
    held, weights = _image(node), node.weights(1)
    bias = node.constant(2)
    groups, channels = int(node.get("group", 1)), weights.shape[1]
    if held.shape[1] != channels * groups:
        node.refuse(
            f"it has weights for {channels * groups} channels, and its input has {held.shape[1]}"
        )
    windows = windows_of(node, weights.shape[2:], held.shape[2:])
    kernel = np.moveaxis(weights, (0, 1), (-1, -2))
    dilations = windows.dilations
    if max(dilations) > 1 and (max(windows.strides) > 1 or len(set(dilations)) > 1):
        # Keras has either strides or dilation.
        kernel, dilations = _spread(kernel, dilations), (1,) * len(dilations)
    same = windows.are_same(held.shape[2:])
    tensor = held.tensor if same else padded(node.graph, held, windows.pads)
    spatial = len(windows.sizes)
    options: dict[str, Any] = {
        "strides": windows.strides,
        "padding": "same" if same and any(map(any, windows.pads)) else "valid",
        "dilation_rate": dilations,
        "use_bias": bias is not None,
    }
    biases = [] if bias is None else [bias]
    size = kernel.shape[:spatial]
    by_channel = channels == 1 and groups > 1 and spatial < _MOST_SPATIAL
    # TensorFlow strides alike along both axes there.
    if by_channel and len(set(windows.strides)) == 1:
        depth = weights.shape[0] // groups
        kernel = kernel.reshape(*size, groups, depth)
        options["depth_multiplier"] = depth
        made = node.graph.weighted(
            f"DepthwiseConv{spatial}D", tensor, [kernel, *biases], size, **options
        )
    else:
        options["groups"] = groups
        made = node.graph.weighted(
            f"Conv{spatial}D", tensor, [kernel, *biases], weights.shape[0], size, **options
        )
    return held.holding(made)


def _spread(kernel: Constant, dilations: Sequence[int]) -> Constant:
    """A kernel with zeros in the place of what dilation leaves out."""
    spatial = len(dilations)
    sizes = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilations, strict=False)]
    made = np.zeros((*sizes, *kernel.shape[spatial:]), kernel.dtype)
    made[tuple(slice(None, None, step) for step in dilations)] = kernel
    return made


@converts("ConvTranspose")
def transposed_convolution(node: Node) -> Made:
    """The whole of a transposed convolution, then cut to what ONNX keeps of it."""
    held, weights = _image(node), node.weights(1)
    groups, spatial = int(node.get("group", 1)), weights.ndim - 2
    windows = windows_of(node, weights.shape[2:], held.shape[2:])
    kernel = _spread(np.moveaxis(weights, (0, 1), (-1, -2)), windows.dilations)
    sides, size = held.shape[2:], kernel.shape[:spatial]
    wanted = _wanted_sides(node, sides, size, windows)
    parts = []
    width = weights.shape[0] // groups
    for group in range(groups):
        tensor, own = held.tensor, kernel[..., group * width : (group + 1) * width]
        if groups > 1:
            tensor = node.graph.function(
                require("keras.ops").get_item,
                tensor,
                (..., slice(group * width, (group + 1) * width)),
            )
        parts.append(
            node.graph.weighted(
                f"Conv{spatial}DTranspose",
                tensor,
                [own],
                weights.shape[1],
                size,
                strides=windows.strides,
                use_bias=False,
            )
        )
    ops = require("keras.ops")
    made = parts[0] if groups == 1 else node.graph.function(ops.concatenate, parts, axis=-1)
    crops, pads = [], []
    for place, (begin, length) in enumerate(wanted, start=1):
        end = made.shape[place] - begin - length
        crops.append((begin, max(end, 0)))
        pads.append((0, max(-end, 0)))
    if any(map(any, crops)):
        given = tuple(crops) if spatial > 1 else crops[0]
        made = node.graph.layer(f"Cropping{spatial}D", made, given, suffix="crop")
    made = padded(node.graph, held.holding(made), pads)
    bias = node.constant(2)
    if bias is not None:
        made = node.graph.function(ops.add, made, bias.astype(np.float32))
    return held.holding(made)


def _wanted_sides(
    node: Node, sides: Sequence[int], sizes: Sequence[int], windows: Windows
) -> list[tuple[int, int]]:
    """Of the whole result, where ONNX' begins along each axis, and its length."""
    more = list(map(int, node.get("output_padding", [0] * len(sides))))
    whole = [
        (side - 1) * stride + size + extra
        for side, stride, size, extra in zip(sides, windows.strides, sizes, more, strict=True)
    ]
    automatic = node.get("auto_pad", "NOTSET")
    stated = node.get("output_shape", None)
    if stated is None and automatic == "VALID":
        return [(0, length) for length in whole]
    if stated is None and automatic == "NOTSET":
        pads = zip(whole, windows.pads, strict=True)
        return [(before, length - before - after) for length, (before, after) in pads]
    lengths = [side * stride for side, stride in zip(sides, windows.strides, strict=True)]
    if stated is not None:
        lengths = list(map(int, stated))[-len(sides) :]
    found = []
    for length, full in zip(lengths, whole, strict=True):
        total = full - length
        before = total // 2 if automatic == "SAME_UPPER" else total - total // 2
        found.append((before, length))
    return found


@converts("MaxPool")
def max_pooling(node: Node) -> Made:
    """The largest of each window; what surrounds the axis is never the largest."""
    held = _image(node)
    windows = windows_of(node, node.attributes["kernel_shape"], held.shape[2:])
    if max(windows.dilations) > 1:
        node.refuse("its windows are dilated")
    tensor, same = held.tensor, windows.are_same(held.shape[2:])
    if not same:
        positive = _is_not_negative(tensor)
        tensor = (
            padded(node.graph, held, windows.pads)
            if positive
            else extended(node.graph, tensor, windows.pads)
        )
    return held.holding(_pooled(node.graph, "MaxPooling", tensor, windows, same))


def _pooled(graph: Graph, kind: str, tensor: Any, windows: Windows, same: bool) -> Any:
    name = f"{kind}{len(windows.sizes)}D"
    padding = "same" if same and any(map(any, windows.pads)) else "valid"
    return graph.layer(name, tensor, windows.sizes, strides=windows.strides, padding=padding)


def _is_not_negative(tensor: Any) -> bool:
    """Whether a tensor is known to hold no negative values: behind a rectifier."""
    layers = require("keras.layers")
    operation, node, _ = tensor._keras_history
    if isinstance(operation, layers.ReLU):
        return True
    if isinstance(operation, layers.Activation):
        return operation.activation.__name__ in ("relu", "relu6", "sigmoid", "hard_sigmoid")
    passes = (layers.MaxPooling2D, layers.MaxPooling1D, layers.AveragePooling2D)
    joins = type(operation).__name__ in ("Concatenate", "Add")
    before = operation._inbound_nodes[node].input_tensors
    # Of one tensor, what is added to it is a constant.
    if isinstance(operation, passes) or (joins and len(before) > 1):
        return all(map(_is_not_negative, before))
    return False


@converts("AveragePool")
def average_pooling(node: Node) -> Made:
    """The mean of each window, of what surrounds the axis too if ONNX counts it."""
    held = _image(node)
    sides = held.shape[2:]
    windows = windows_of(node, node.attributes["kernel_shape"], sides)
    if max(windows.dilations) > 1:
        node.refuse("its windows are dilated")
    counted = bool(node.get("count_include_pad", 0))
    same = windows.are_same(sides) and not (counted and any(map(any, windows.pads)))
    tensor = held.tensor if same else padded(node.graph, held, windows.pads)
    made = _pooled(node.graph, "AveragePooling", tensor, windows, same)
    if not same:
        shares = _shares(node, windows, sides, counted)
        if not np.all(shares == 1):
            made = node.graph.function(require("keras.ops").multiply, made, shares)
    return held.holding(made)


def _shares(node: Node, windows: Windows, sides: Sequence[int], counted: bool) -> Constant:
    """By what means over whole windows are multiplied, for those that reach beyond the axis."""
    stated = list(map(int, node.get("pads", [0] * (2 * len(sides)))))
    shares = np.ones((1,), np.float64)
    for place, (side, size, stride) in enumerate(
        zip(sides, windows.sizes, windows.strides, strict=True)
    ):
        before, after = windows.pads[place]
        count = (side + before + after - size) // stride + 1
        begins = np.arange(count) * stride - before
        low, high = (
            (-before, side + min(after, stated[len(sides) + place])) if counted else (0, side)
        )
        if counted and node.get("auto_pad", "NOTSET") != "NOTSET":
            high = side + after
        inside = np.minimum(begins + size, high) - np.maximum(begins, low)
        shares = shares[..., None] * (size / inside)
    return np.asarray(shares[0, ..., None], np.float32)


@converts("GlobalAveragePool", "GlobalMaxPool")
def global_pooling(node: Node) -> Made:
    """One value for each channel."""
    held = _image(node)
    kind = "Average" if node.kind == "GlobalAveragePool" else "Max"
    made = node.graph.layer(f"Global{kind}Pooling{held.rank - 2}D", held.tensor)
    return Held(tensor=made, axes=(1,), rank=held.rank)


@converts("BatchNormalization")
def batch_normalization(node: Node) -> Made:
    """With the moments that were measured in training."""
    if node.get("training_mode", 0):
        node.refuse("it normalizes each batch by itself, outside of training too")
    held = node.held()
    if held.rank > 2:
        held = node.graph.channels_last(held)
    elif 1 not in held.axes:
        held = node.graph.rearranged(held, (*held.axes, 1))
    made = node.graph.weighted(
        "BatchNormalization",
        held.tensor,
        [node.weights(place) for place in range(1, 5)],
        axis=held.place(1),
        epsilon=float(node.get("epsilon", _EPSILON)),
    )
    return held.holding(made)


@converts("InstanceNormalization", "GroupNormalization")
def group_normalization(node: Node) -> Made:
    """Of groups of channels, each example by itself."""
    held = _image(node)
    scale, bias = node.weights(1), node.weights(2)
    channels = held.shape[1]
    groups = int(node.get("num_groups", channels))
    if len(scale) != channels:  # before operator set 21, one for each group
        scale, bias = (np.repeat(one, channels // groups) for one in (scale, bias))
    made = node.graph.weighted(
        "GroupNormalization",
        held.tensor,
        [scale, bias],
        groups=groups,
        epsilon=float(node.get("epsilon", _EPSILON)),
    )
    return held.holding(made)
