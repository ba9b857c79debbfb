"""Resampling of images and series along an axis: a product with a matrix that is never trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.optional_imports import require

Floats = NDArray[np.float64]


def linear(share: Floats) -> dict[int, Floats]:
    """What the neighbours before and behind count, by how far a place lies between them."""
    return {0: 1 - share, 1: share}


def weights(
    places: Floats,
    side: int,
    spread: Callable[[Floats], dict[int, Floats]] = linear,
    *,
    inside: bool = False,
) -> Floats:
    """What each old element counts in each new one, (new, old).

    Args:
        places: Where each new element lies among the old.
        side: How many old ones there are.
        spread: What neighbours count, by their distance in elements from the one before.
        inside: Whether neighbours beyond the ends count nothing, and not as the outermost.
    """
    begin = np.floor(places).astype(int)
    made = np.zeros((len(places), side))
    for step, shares in spread(places - begin).items():
        among = (begin + step >= 0) & (begin + step < side)
        counted = shares * among if inside else shares
        np.add.at(made, (np.arange(len(places)), np.clip(begin + step, 0, side - 1)), counted)
    whole: Floats = made / made.sum(1, keepdims=True)
    return whole


def _call(function: Callable[..., Any], *given: Any) -> Any:
    return function(*given)


def resampled(tensor: Any, axis: int, matrix: Floats, call: Callable[..., Any] = _call) -> Any:
    """A tensor with an axis multiplied by a matrix.

    Args:
        tensor: A Keras tensor, (examples, …).
        axis: Behind the first.
        matrix: (new, old).
        call: Calls functions and layers of Keras; a graph may name what they make.
    """
    keras, exact = require("keras"), matrix.astype(np.float32)
    sides = tuple(tensor.shape[1:])
    if axis == len(sides):
        return call(keras.ops.matmul, tensor, exact.T)
    # The axis before last, of what comes behind it as one.
    merged = (*sides[:axis], math.prod(sides[axis:]))
    if merged != sides:
        tensor = call(keras.layers.Reshape(merged), tensor)
    made = call(keras.ops.matmul, exact, tensor)
    if merged != sides:
        made = call(keras.layers.Reshape((*sides[: axis - 1], len(exact), *sides[axis:])), made)
    return made
