"""Networks that learn nothing have no weights that a converter would leave out."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.training.untrained import without_zero_weights


class Variable:
    """As Keras' own, as far as it is used."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values

    def assign(self, values: Any) -> None:
        assert (values.dtype, values.shape) == (self.values.dtype, self.values.shape)
        self.values = values


def test_zeros_become_small_values_and_others_stay() -> None:
    bias, kernel = Variable(np.zeros(10, np.float32)), Variable(np.eye(3, dtype=np.float32))
    steps, none = Variable(np.zeros((), np.int64)), Variable(np.zeros((0, 3), np.float32))
    without_zero_weights([bias, kernel, steps, none])
    assert bias.values.all()
    assert np.abs(bias.values).max() <= 1e-3
    assert len(np.unique(bias.values)) == 10
    np.testing.assert_array_equal(kernel.values, np.eye(3))
    assert steps.values == 0
    assert none.values.shape == (0, 3)
    again = Variable(np.zeros(10, np.float32))
    without_zero_weights([again])
    np.testing.assert_array_equal(again.values, bias.values)
