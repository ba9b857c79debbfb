"""A Keras network whose weights are the numbers that a file of four bits holds.

Such a file is to compute what the network computes with these weights: what four bits cost is the
same on both sides, so that a fault of the file does not hide behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.rounding import RoundingRequest
from zoo.networks.building import leaves

from .four_bits import LEAST_WEIGHTS, Array, quantize


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How a format rounds weights.

    Attributes:
        block: ``block(columns, dense, precision)`` are the weights of a row that share a scale;
            None for all of a row.
        depthwise: Whether depthwise convolutions have four bits, too.
        first_eight: Whether weights have been rounded to 8 bits before they are to four.
    """

    block: Callable[[int, bool, str], int | None]
    depthwise: bool
    first_eight: bool


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """A variable of a layer; rows are those of output channels."""

    variable: Any
    dense: bool
    recurrent: bool
    depthwise: bool

    @property
    def rows(self) -> Array:
        values: Array = self.variable.numpy()
        width = values.shape[-1] * (values.shape[-2] if self.depthwise else 1)
        return values.reshape(-1, width).T

    def put(self, rows: Array) -> None:
        self.variable.assign(rows.T.reshape(self.variable.shape))


def round_weights(request: RoundingRequest, grid: Grid) -> str:
    """Rounds the weights of ``request.model`` in place.

    Returns:
        Why that is not what the file holds; empty where it is.
    """
    kept = _kept(request)
    found = [one for one in _weights(request, kept) if grid.depthwise or not one.depthwise]
    held = request.contents.weight_types.get("int4", 0)
    plain = [one for one in found if not one.recurrent]
    # Recurrent layers have four bits where their steps are written out.
    sizes = {
        sum(_bytes(one, grid, request.precision) for one in chosen): chosen
        for chosen in (found, plain)
    }
    if held not in sizes and _has_others(request, kept):
        return "weights of four bits are those of layers that cannot be told in the Keras network"
    # Where all large weights are known, a file that holds another number of them is no excuse.
    for one in sizes.get(held, plain):
        one.put(_rounded(one, grid, request.precision))
    return ""


def _kept(request: RoundingRequest) -> set[str]:
    """Names of the layers that were kept, with those whose operator is called otherwise.

    A convolution and the batch normalization behind it become one operator, which in many files
    has the name of the normalization alone: depthwise convolutions of TensorFlow's converter do.
    """
    normalization = require("keras").layers.BatchNormalization
    kept = {*request.kept}
    for layer in leaves(request.model):
        if layer.name in kept and isinstance(layer, normalization):
            before = layer._inbound_nodes[0].input_tensors[0]._keras_history.operation
            kept.add(before.name)
    return kept


def _has_others(request: RoundingRequest, kept: set[str]) -> bool:
    """Whether a layer that is not known here has large weights, which may have four bits."""
    layers = require("keras").layers
    known = (
        *(layers.Dense, layers.Conv1D, layers.Conv2D, layers.SeparableConv2D),
        *(layers.DepthwiseConv2D, layers.Conv2DTranspose, layers.Embedding, layers.RNN),
    )
    return any(
        len(weight.shape) > 1 and weight.shape.num_elements() >= LEAST_WEIGHTS
        for layer in leaves(request.model)
        if layer.name not in kept and not isinstance(layer, known)
        for weight in (one.value for one in layer.weights)
    )


def _weights(request: RoundingRequest, kept: set[str]) -> Iterator[_Weights]:
    """The large weights of convolutions, dense and recurrent layers that were not kept."""
    layers = require("keras").layers
    seen: set[int] = set()
    for outer in leaves(request.model):
        if outer.name in kept:
            continue
        for layer in (outer, *outer._flatten_layers(include_self=False)):
            recurrent = isinstance(layer, (layers.LSTMCell, layers.GRUCell, layers.SimpleRNNCell))
            dense = isinstance(layer, layers.Dense) or recurrent
            kinds = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.SeparableConv2D)
            apart = isinstance(layer, layers.DepthwiseConv2D)
            if not (recurrent or apart or isinstance(layer, kinds)) or id(layer) in seen:
                continue
            seen.add(id(layer))
            for name in ("kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel"):
                variable = getattr(layer, name, None)
                if variable is None or variable.shape.num_elements() < LEAST_WEIGHTS:
                    continue
                yield _Weights(
                    variable=variable,
                    dense=dense,
                    recurrent=recurrent,
                    depthwise=apart or name == "depthwise_kernel",
                )


def _bytes(one: _Weights, grid: Grid, precision: str) -> int:
    rows, columns = map(int, one.rows.shape)
    block = grid.block(columns, one.dense, precision)
    return -(-rows * _padded(columns, block) // 2)


def _padded(columns: int, block: int | None) -> int:
    return columns if block is None else -(-columns // block) * block


def _rounded(one: _Weights, grid: Grid, precision: str) -> Array:
    import numpy as np

    rows = one.rows
    count, columns = rows.shape
    if grid.first_eight:
        steps = np.abs(rows).max(axis=1, keepdims=True) / np.float32(127)
        steps[steps == 0] = 1.0
        rows = np.rint(rows / steps).astype(np.float32) * steps
    block = grid.block(columns, one.dense, precision)
    wide = np.zeros((count, _padded(columns, block)), np.float32)
    wide[:, :columns] = rows
    small = quantize(wide, block)
    real: Array = (small.numbers * small.scales[:, :, None]).reshape(count, -1)[:, :columns]
    return real
