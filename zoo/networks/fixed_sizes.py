"""Layers that take inputs of one size, and the refusals that name them."""

from __future__ import annotations

from typing import Any

from zoo.common.errors import Unsupported, ZooError, first_line
from zoo.common.optional_imports import require
from zoo.networks.sources.graph import operations_of


def size_fixing_layer(model: Any) -> str:
    """The first layer whose weights are of one size of the input, and what leads to it, in words.

    Args:
        model: A `keras.Model` whose inputs have free sides.

    Returns:
        ``its layer dense takes 400 numbers, which flatten makes of one size alone``; empty where
        none is found.
    """
    keras = require("keras")
    layers = keras.layers
    for operation in operations_of(model.outputs):
        for node in operation._inbound_nodes:
            for tensor in node.input_tensors:
                sides, before = tuple(tensor.shape), tensor._keras_history.operation
                if isinstance(operation, layers.Reshape) and None in sides[1:]:
                    if None in tuple(node.output_tensors[0].shape)[1:]:
                        continue
                    return (
                        f"its layer {operation.name} reshapes every input to "
                        f"{operation.target_shape}"
                    )
                weighted = isinstance(operation, layers.Dense | layers.BatchNormalization)
                if weighted and sides[-1] is None:
                    known = operation.weights[0].shape[0]
                    return (
                        f"its layer {operation.name} takes {known} numbers, the output of "
                        f"{before.name} ({type(before).__name__}) at one input size only"
                    )
    return ""


def cannot_stay_free(origin: str, sides: str, why: str) -> Unsupported:
    """The refusal of sides that no network with them could be built with."""
    return Unsupported(
        f"files of {origin} cannot keep {sides} free",
        why=why,
        fix="leave out --dynamic, or write the size of that side in the place of its letter",
    )


def does_not_take(origin: str, side: str, size: int, why: str) -> Unsupported:
    """The refusal of a side that the network itself cannot keep free."""
    return Unsupported(
        f"files of {origin} cannot keep {side} free: the network does not take {side} = {size}",
        why=why,
        fix=f"write its size in the place of {side}, or leave out --dynamic",
    )


def holds_its_size(origin: str, side: str, why: str) -> Unsupported:
    """The refusal of a side whose size the network that was made of the original holds."""
    return Unsupported(
        f"files of {origin} cannot keep {side} free: the converted network has a fixed size there",
        why=f"at another {side}, {why}",
        fix=f"write its size in the place of {side}, or leave out --dynamic",
    )


def reason_of(error: Exception, model: Any) -> str:
    """Why a network does not take a size: the layer that fixes it, else what was raised."""
    own = (error.why or error.what) if isinstance(error, ZooError) else first_line(error)
    return size_fixing_layer(model) or own
