"""Networks that were trained in blue, green, red, for red, green, blue.

conv(bgr) → conv'(rgb), because a kernel with its input channels turned around computes the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.networks.resizing import first_convolutions
from zoo.networks.sources.graph import applied


def in_rgb(model: Any) -> Any:
    """The same function of inputs whose channels come in the other order."""
    keras = require("keras")
    found = first_convolutions(model)
    if found:
        for layer, _ in found:
            layer.kernel.assign(layer.kernel.numpy()[:, :, ::-1])
        return model
    inputs = keras.Input(model.inputs[0].shape[1:], dtype="float32", name="normalized")
    turn = keras.layers.Conv2D(3, 1, use_bias=False, name="blue_green_red")
    outputs = applied(model, turn(inputs))
    turn.kernel.assign(np.eye(3, dtype=np.float32)[::-1][None, None])
    return keras.Model(inputs, outputs, name=model.name)
