"""Multiply-adds of a Keras network, counted on its traced graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

from zoo.common.optional_imports import require


def count_multiply_adds(model: Any) -> int:
    """Products of convolutions, dense and recurrent layers and of attention for one input.

    Counted as in He et al. 2015: kernel size times output elements; of recurrent layers kernel and
    recurrent kernel at each step; of two activations the products of their matrices. Biases,
    activations, the products of gates and states, and embeddings, which are looked up, are left
    out. A transposed convolution applies its kernel at each input position instead.

    Args:
        model: A `keras.Model` with static shapes but for the batch. Layers inside layers and what
            functions compute are counted, too.
    """
    tf = require("tensorflow")
    inputs = [tf.TensorSpec((1, *i.shape[1:]), i.dtype) for i in model.inputs]
    names = [i.name for i in model.inputs]
    recurrent: list[int] = []

    def run(*values: Any) -> Any:
        given = values[0] if len(values) == 1 else list(values)
        # A `keras.Sequential` has no structure of inputs, and no `input` until it was called.
        if isinstance(getattr(model, "_inputs_struct", None), dict):
            given = dict(zip(names, values, strict=True))
        return model(given, training=False)

    with ExitStack() as stack:
        for layer in model._flatten_layers():
            if isinstance(layer, require("keras").layers.RNN):
                stack.enter_context(_replaced(layer, recurrent))
        stack.enter_context(functions_inlined())
        graph = tf.function(run, autograph=False).get_concrete_function(*inputs).graph
    return sum(recurrent) + sum(_products(operation) for operation in graph.get_operations())


@contextmanager
def functions_inlined() -> Iterator[None]:
    """While the block runs, functions inside a traced one are traced as part of it.

    Keras compiles grouped convolutions with XLA, as functions that nothing looks into.
    """
    config = require("tensorflow").config
    before = config.functions_run_eagerly()
    config.run_functions_eagerly(True)
    try:
        yield
    finally:
        config.run_functions_eagerly(before)


@contextmanager
def _replaced(layer: Any, counts: list[int]) -> Iterator[None]:
    """While the block runs, a call of the recurrent layer notes its products and returns zeros.

    Traced, the loop over time would be a graph whose number of turns is unknown.
    """
    tf, own = require("tensorflow"), layer.call

    def call(sequence: Any, *_: Any, **__: Any) -> Any:
        counts.append(int(sequence.shape[1]) * sum(map(_step, _cells(layer, sequence.shape))))
        spec = layer.compute_output_shape(sequence.shape)
        several = isinstance(spec[0], (list, tuple))
        made = [tf.zeros(shape, sequence.dtype) for shape in (spec if several else [spec])]
        return made if several else made[0]

    layer.call = call
    try:
        yield
    finally:
        layer.call = own


def _cells(layer: Any, shape: Any) -> list[tuple[Any, int]]:
    """The cells of a recurrent layer, each with the positions that its kernels are applied at."""
    positions = 1
    if len(shape) > 3:  # a convolution at each step
        found = layer.compute_output_shape(shape)
        found = found[0] if isinstance(found[0], (list, tuple)) else found
        positions = prod(found[-1 - (len(shape) - 3) : -1])
    return [(cell, positions) for cell in getattr(layer.cell, "cells", [layer.cell])]


def _step(cell: tuple[Any, int]) -> int:
    """Products of one step of a cell; none of a cell without the usual kernels."""
    kernels = (getattr(cell[0], name, None) for name in ("kernel", "recurrent_kernel"))
    return cell[1] * sum(int(prod(kernel.shape)) for kernel in kernels if kernel is not None)


def _products(operation: Any) -> int:
    work = _WORK.get(operation.type)
    return 0 if work is None else work(operation)


def _sides(tensor: Any) -> tuple[int, ...]:
    return tuple(int(side or 1) for side in tensor.shape)


def _convolution(operation: Any) -> int:
    """Output positions times the kernel, of which each group of channels has its part."""
    results, kernel = _sides(_whole(operation.outputs[0])), _sides(operation.inputs[1])
    depthwise = "Depthwise" in operation.type
    return prod(results) * prod(kernel[: -2 if depthwise else -1])


def _whole(result: Any) -> Any:
    """The result of a dilated convolution, which is computed in parts with padding of their own."""
    readers = result.consumers()
    if len(readers) == 1 and readers[0].type == "Squeeze":
        return _whole(readers[0].outputs[0])
    joined = len(readers) == 1 and readers[0].type == "BatchToSpaceND"
    return readers[0].outputs[0] if joined else result


def _transposed(operation: Any) -> int:
    kernel, values = (_sides(tensor) for tensor in operation.inputs[1:3])
    return prod(values[:-1]) * prod(kernel)


def _matrices(operation: Any) -> int:
    left = _sides(operation.inputs[0])
    turned = any(
        name in operation.node_def.attr and operation.get_attr(name)
        for name in ("transpose_a", "adj_x")
    )
    return prod(_sides(operation.outputs[0])) * left[-2 if turned else -1]


def _einsum(operation: Any) -> int:
    """The product of the lengths of all axes; one operand alone is summed, not multiplied."""
    given = operation.get_attr("equation").decode().partition("->")[0].split(",")
    if len(given) < 2:
        return 0
    lengths: dict[str, int] = {}
    for letters, tensor in zip(given, operation.inputs, strict=True):
        sides = _sides(tensor)
        before, dots, after = letters.partition("...")
        lengths |= dict(zip(before, sides, strict=False))
        lengths |= dict(zip(reversed(after), reversed(sides), strict=False))
        if dots:
            middle = sides[len(before) : len(sides) - len(after)]
            lengths["..."] = max(prod(middle), lengths.get("...", 1))
    return prod(lengths.values())


_WORK: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative"), _convolution),
    **dict.fromkeys(("Conv2DBackpropInput", "Conv3DBackpropInputV2"), _transposed),
    **dict.fromkeys(("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _matrices),
    "Einsum": _einsum,
}
