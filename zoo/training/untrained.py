"""Networks that learn nothing, whose files stand for those of trained ones in size and latency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: Far below what a trained bias is, and no zero in float16 either.
_LARGEST = 1e-3
_SEED = 0


def without_zero_weights(weights: Iterable[Any]) -> None:
    """Gives weights that begin as zeros, such as biases, small random values.

    Converters leave out what adds zeros: such a file is smaller and quicker than that of any
    trained network.

    Args:
        weights: Keras variables that are trained.
    """
    import numpy as np

    draw = np.random.default_rng(_SEED)
    for variable in weights:
        values = np.asarray(variable)
        if np.issubdtype(values.dtype, np.floating) and values.size and not values.any():
            drawn = draw.uniform(_LARGEST / 2, _LARGEST, values.shape)
            variable.assign(drawn.astype(values.dtype))
