"""Products of matrices: dense layers where one is constant."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.networks.sources.graph import added

from .held import Constant, Held, Value, broadcast
from .nodes import Made, Node, axis_of, converts


def dense(node: Node, held: Held, axis: int, kernel: Constant, bias: Constant | None) -> Held:
    """A dense layer along an ONNX axis of any tensor; its outputs take the axis' place."""
    shuffled = held.shuffled
    if shuffled is not None and held.axes == (axis,):
        tensor, kernel = shuffled.tensor, kernel[shuffled.order]
        axes: tuple[int, ...] = (axis,)
    else:
        axes = (*(one for one in held.axes if one != axis), axis)
        tensor = node.graph.arranged(held, axes)
    weights = [kernel] if bias is None else [kernel, bias]
    made = node.graph.weighted("Dense", tensor, weights, kernel.shape[1], use_bias=bias is not None)
    return Held(tensor=made, axes=axes, rank=held.rank)


@converts("Gemm")
def gemm(node: Node) -> Made:
    """Alpha · A · B + beta · C."""
    one, other = node.value(0), node.value(1)
    if node.get("transA", 0):
        one = _turned(node, one)
    if node.get("transB", 0):
        other = _turned(node, other)
    alpha, beta = float(node.get("alpha", 1.0)), float(node.get("beta", 1.0))
    third = node.given(2)
    if isinstance(one, Held) and isinstance(other, np.ndarray):
        bias = None
        width = other.shape[1]
        if isinstance(third, np.ndarray) and third.shape in (
            (),
            (1,),
            (width,),
            (1, 1),
            (1, width),
        ):
            bias = np.broadcast_to(third.reshape(-1) * beta, (width,))
            third = None
        made: Held = dense(node, one, 1, alpha * other, bias)
    else:
        made = product(node, one, other)
        if alpha != 1.0:
            made = _scaled(node, made, alpha)
    if third is None:
        return made
    if beta != 1.0:
        third = third * beta if isinstance(third, np.ndarray) else _scaled(node, third, beta)
    operands, axes, rank = broadcast(node.graph, [made, third])
    ops = require("keras.ops")
    return Held(tensor=node.graph.function(ops.add, *added(*operands)), axes=axes, rank=rank)


def _turned(node: Node, value: Value) -> Value:
    return node.graph.transposed(value, (1, 0)) if isinstance(value, Held) else value.T


def _scaled(node: Node, held: Held, factor: float) -> Held:
    multiply = require("keras.ops").multiply
    return held.holding(node.graph.function(multiply, held.tensor, factor))


@converts("MatMul")
def matrix_product(node: Node) -> Made:
    """Numpy's product of matrices."""
    return product(node, node.value(0), node.value(1))


def product(node: Node, one: Value, other: Value) -> Held:
    """Numpy's product of matrices; with a constant one, a dense layer."""
    if isinstance(one, Held) and isinstance(other, np.ndarray):
        if other.ndim == 2 and one.rank >= 1:
            return dense(node, one, one.rank - 1, other, None)
    elif isinstance(one, np.ndarray) and isinstance(other, Held):
        if one.ndim == 2 and other.rank >= 2:
            return dense(node, other, other.rank - 2, one.T, None)
    elif isinstance(one, np.ndarray):
        node.refuse("both its operands are constants")
    left, right = _matrix(one, first=True), _matrix(other, first=False)
    rank = max(_rank(left), _rank(right))
    made = _batched(node, _raised(left, rank), _raised(right, rank))
    # What was a vector is one no longer.
    gone = [rank - 2] * (_rank(one) == 1) + [rank - 1] * (_rank(other) == 1)
    axes = [axis for axis in made.axes if axis not in gone]
    tensor = node.graph.arranged(made, axes)
    labels = [axis - sum(lost < axis for lost in gone) for axis in axes]
    return Held(tensor=tensor, axes=tuple(labels), rank=rank - len(gone))


def _batched(node: Node, one: Value, other: Value) -> Held:
    rank = _rank(one)
    matrix = (rank - 2, rank - 1)
    batch = [a for a in range(rank - 2) if one.shape[a] != 1 or other.shape[a] != 1]
    operands = []
    for value in (one, other):
        if isinstance(value, Held):
            operands.append(node.graph.arranged(value, (*batch, *matrix)))
        else:
            sides = [value.shape[axis] for axis in (*batch, *matrix)]
            operands.append(value.reshape(sides).astype(np.float32))
    made = node.graph.function(require("keras.ops").matmul, *operands)
    return Held(tensor=made, axes=(*batch, *matrix), rank=rank)


def _matrix(value: Value, *, first: bool) -> Value:
    """A vector as a matrix: a row as the first operand, a column as the second."""
    if _rank(value) > 1:
        return value
    if isinstance(value, np.ndarray):
        return value[None, :] if first else value[:, None]
    return value.relabelled([1 if first else 0 for _ in value.axes], 2)


def _raised(value: Value, rank: int) -> Value:
    """The same with axes of one element before its own."""
    more = rank - _rank(value)
    if isinstance(value, np.ndarray):
        return value.reshape((1,) * more + value.shape)
    return value.relabelled([axis + more for axis in value.axes], rank)


def _rank(value: Value) -> int:
    return value.rank if isinstance(value, Held) else int(value.ndim)


@converts("Einsum")
def einsum(node: Node) -> Made:
    """Einstein's sum; the axis of examples is a letter of its own."""
    equation = str(node.attributes["equation"]).replace(" ", "")
    if "..." in equation or "->" not in equation:
        node.refuse("its equation leaves letters out")
    sources, result = equation.split("->")
    letters = sources.split(",")
    free = next(one for one in "zyxwvutsrqponmlkjihgfedcba" if one not in equation)
    operands, terms = [], []
    for place, term in enumerate(letters):
        value = node.value(place)
        if isinstance(value, Held):
            operands.append(node.graph.arranged(value, range(value.rank)))
            terms.append(free + term)
        else:
            operands.append(value.astype(np.float32))
            terms.append(term)
    sums = f"{','.join(terms)}->{free}{result}"
    made = node.graph.function(require("keras.ops").einsum, sums, *operands)
    return Held(tensor=made, axes=tuple(range(len(result))), rank=len(result))


@converts("LayerNormalization", "RMSNormalization")
def layer_normalization(node: Node) -> Made:
    """Over an axis and all that follow."""
    held = node.held()
    first = axis_of(int(node.get("axis", -1)), held.rank)
    axes = list(range(first, held.rank))
    rest = [axis for axis in held.axes if axis not in axes]
    if not set(axes) <= set(held.axes) or [a for a in held.axes if a in axes] != axes:
        held = node.graph.rearranged(held, (*rest, *axes))
    sides = [held.shape[axis] for axis in axes]
    weights = [np.broadcast_to(node.weights(1), sides)]
    places = [held.place(axis) for axis in axes]
    options: dict[str, Any] = {"axis": places if len(places) > 1 else places[0]}
    options["epsilon"] = float(node.get("epsilon", 1e-5))
    if node.kind == "RMSNormalization":
        return held.holding(
            node.graph.weighted("RMSNormalization", held.tensor, weights, **options)
        )
    bias = node.given(2)
    weights.append(np.zeros(sides) if bias is None else np.broadcast_to(node.weights(2), sides))
    return held.holding(node.graph.weighted("LayerNormalization", held.tensor, weights, **options))


@converts("LRN")
def local_response_normalization(node: Node) -> Made:
    """By the sum of squares over neighbouring channels, which is a product with a band of ones."""
    held, ops, graph = node.graph.channels_last(node.held()), require("keras.ops"), node.graph
    size = int(node.attributes["size"])
    alpha, beta = float(node.get("alpha", 1e-4)), float(node.get("beta", 0.75))
    numbers = np.arange(held.shape[1])
    apart = numbers[:, None] - numbers[None, :]
    band = ((apart <= (size - 1) // 2) & (-apart <= size // 2)).astype(np.float32)
    squares = graph.function(ops.square, held.tensor)
    sums = graph.function(ops.matmul, squares, band.T * (alpha / size))
    shifted = graph.function(ops.add, sums, float(node.get("bias", 1.0)))
    divisor = graph.function(ops.power, shifted, beta)
    return held.holding(graph.function(ops.divide, held.tensor, divisor))
