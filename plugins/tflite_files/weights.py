"""Operators with weights of their own: convolutions, dense layers, recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .graph import Operator
from .network import Building, Convert


def _padding(operator: Operator) -> str:
    codes = require("ai_edge_litert.schema_py_generated").Padding
    return "same" if operator.options.padding == codes.SAME else "valid"


def _strides(options: Any) -> tuple[int, int]:
    return int(options.strideH), int(options.strideW)


def convolution(building: Building, operator: Operator) -> Any:
    """CONV_2D; weights (filters, height, width, channels of a group)."""
    kernel = building.needed(operator, 1, "its weights")
    bias = building.optional(operator, 2, "its biases")
    filters, height, width, channels = kernel.shape
    layer = building.layers.Conv2D(
        filters,
        (height, width),
        strides=_strides(operator.options),
        padding=_padding(operator),
        dilation_rate=(operator.options.dilationHFactor, operator.options.dilationWFactor),
        groups=building.shape(operator)[-1] // channels,
        use_bias=bias is not None,
        name=building.unique(operator.name),
    )
    weights = [kernel.transpose(1, 2, 3, 0), bias]
    return building.weighted(layer, building.tensor(operator), weights, operator)


def depthwise(building: Building, operator: Operator) -> Any:
    """DEPTHWISE_CONV_2D; weights (1, height, width, channels × multiplier)."""
    kernel = building.needed(operator, 1, "its weights")
    bias = building.optional(operator, 2, "its biases")
    _, height, width, filters = kernel.shape
    channels = building.shape(operator)[-1]
    if len(set(_strides(operator.options))) > 1:
        raise building.refused(operator, "its strides differ in height and width")
    layer = building.layers.DepthwiseConv2D(
        (height, width),
        strides=_strides(operator.options),
        padding=_padding(operator),
        dilation_rate=(operator.options.dilationHFactor, operator.options.dilationWFactor),
        depth_multiplier=filters // channels,
        use_bias=bias is not None,
        name=building.unique(operator.name),
    )
    weights = [kernel.reshape(height, width, channels, -1), bias]
    return building.weighted(layer, building.tensor(operator), weights, operator)


def transposed(building: Building, operator: Operator) -> Any:
    """TRANSPOSE_CONV of (result shape, weights, input, bias); weights as those of CONV_2D."""
    kernel = building.needed(operator, 1, "its weights")
    bias = building.optional(operator, 3, "its biases")
    filters, height, width, _ = kernel.shape
    layer = building.layers.Conv2DTranspose(
        filters,
        (height, width),
        strides=_strides(operator.options),
        padding=_padding(operator),
        use_bias=bias is not None,
        name=building.unique(operator.name),
    )
    weights = [kernel.transpose(1, 2, 0, 3), bias]
    made = building.weighted(layer, building.tensor(operator, 2), weights, operator)
    if tuple(made.shape[1:]) != building.result(operator)[1:]:
        raise building.refused(operator, f"it makes the shape {building.result(operator)}")
    return made


def dense(building: Building, operator: Operator) -> Any:
    """FULLY_CONNECTED; weights (units, values)."""
    kernel = building.needed(operator, 1, "its weights")
    bias = building.optional(operator, 2, "its biases")
    given = building.tensor(operator)
    units, values = kernel.shape
    if not operator.options.keepNumDims or given.shape[-1] != values:
        given = building.reshaped(given, _rows(building, operator, values), f"{operator.name}_rows")
    layer = building.layers.Dense(
        units, use_bias=bias is not None, name=building.unique(operator.name)
    )
    made = building.weighted(layer, given, [kernel.T, bias], operator)
    return building.reshaped(made, building.result(operator), f"{operator.name}_shape")


def _rows(building: Building, operator: Operator, values: int) -> tuple[int, ...]:
    """The input's shape as rows; steps of one example stay apart from the batch."""
    count = int(np.prod(building.shape(operator))) // values
    return (1, values) if count == 1 else (1, count, values)


def lstm(building: Building, operator: Operator) -> Any:
    """UNIDIRECTIONAL_SEQUENCE_LSTM without peepholes and projection; the state begins at zero."""
    options, codes = operator.options, require("ai_edge_litert.schema_py_generated")
    extra = [*range(9, 12), 16, 17, *range(20, 24)]
    if any(building.optional(operator, number, "its weights") is not None for number in extra):
        raise building.refused(operator, "it has peepholes, a projection or layer normalization")
    if options.cellClip or options.projClip:
        raise building.refused(operator, "it limits its state")
    places = [range(start, start + 4) for start in (1, 5, 12)]
    every = ([building.optional(operator, n, "its weights") for n in part] for part in places)
    gates, recurrent, biases = ([one for one in part if one is not None] for part in every)
    if len(gates) + len(recurrent) + len(biases) < 12:
        raise building.refused(operator, "its input gate is coupled, or its weights are computed")
    if options.timeMajor or options.fusedActivationFunction != codes.ActivationFunctionType.TANH:
        raise building.refused(operator, "its steps come first, or its activation is not tanh")
    layer = building.layers.LSTM(
        gates[0].shape[0], return_sequences=True, name=building.unique(operator.name)
    )
    weights = [
        np.concatenate([part.T for part in gates], axis=1),
        np.concatenate([part.T for part in recurrent], axis=1),
        np.concatenate(biases),
    ]
    return building.weighted(layer, building.tensor(operator), weights, operator)


CONVERTERS: dict[str, Convert] = {
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "TRANSPOSE_CONV": transposed,
    "FULLY_CONNECTED": dense,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
