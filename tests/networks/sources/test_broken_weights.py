"""Why a network answers with NaN: its weights are looked at before its inputs are blamed."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from zoo.networks.sources.broken_weights import answers_not_finite

keras = pytest.importorskip("keras")


def network(kernel: float = 1.0, bias: float = 0.0, factor: float = 1.0) -> Any:
    """A dense layer in a model inside another one, times a constant."""
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="head")])
    values = np.ones((3, 2), np.float32)
    values[0, 1] = kernel
    inner.layers[0].set_weights([values, np.array([bias, 0], np.float32)])
    given = keras.Input((3,))
    return keras.Model(given, keras.ops.multiply(inner(given), np.float32(factor)))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"kernel": np.nan}, "kernel of the layer 'head': 1 of 6 numbers NaN"),
        ({"bias": -np.inf}, "bias of the layer 'head': 1 of 2 numbers infinite"),
        ({"factor": np.nan}, "a constant of 'multiply"),
        # NaN is named first: infinity may be meant, as in a mask.
        ({"kernel": np.inf, "bias": np.nan}, "^bias of the layer 'head': .*; kernel of the layer"),
    ],
)
def test_tensors_that_are_not_finite_are_named(broken: dict[str, float], said: str) -> None:
    error = answers_not_finite(network(**broken), "net.onnx", "its output y does", "see it")
    count = len(broken)
    assert f"{count} of its tensors of weights hold{'s' * (count == 1)} them" in error.what
    assert re.search(said, str(error.why)), error.why
    assert "train it anew" in str(error.fix)


def test_finite_weights_leave_the_inputs() -> None:
    error = answers_not_finite(network(), "net.onnx", "its output y does", "check the samples")
    assert (error.why, error.fix) == ("its output y does", "check the samples")
