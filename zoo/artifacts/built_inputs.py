"""Raw inputs that are made up from what is normal for a network's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.named_arrays import joined
from zoo.contracts import Preprocessing

Array = NDArray[Any]
_SEED = 0


def built_inputs(preprocessing: Preprocessing, count: int) -> Array:
    """Raw inputs made for this: every channel by itself, over the range that is normal for it."""
    if len(preprocessing.parts) > 1:
        return joined({one.called: built_inputs(one, count) for one in preprocessing.parts})
    random = np.random.default_rng(_SEED)
    shape = (count, *preprocessing.input_shape)
    low, high = preprocessing.value_range
    if np.dtype(preprocessing.dtype).kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if np.dtype(preprocessing.dtype).kind in "iu":
        return random.integers(int(low), int(high), shape, endpoint=True, dtype=preprocessing.dtype)
    unit = random.uniform(-2.0, 2.0, shape)
    if preprocessing.normalization is None:
        return np.asarray(unit, preprocessing.dtype)
    scale, mean, std = (np.asarray(given) for given in preprocessing.normalization)
    return np.asarray((unit * std + mean) / scale, preprocessing.dtype)
