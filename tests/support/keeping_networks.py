"""Networks that keep state in variables, as TFLite files and SavedModels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

RANDOM = np.random.default_rng(0)
KERNELS = [RANDOM.normal(size=(4, 8)) * 0.5, RANDOM.normal(size=(8, 8)) * 0.3]
SEQUENCES = RANDOM.normal(size=(40, 5, 4)).astype(np.float32)
Step = Callable[[Any, Any], Any]


class Keeping(tf.Module):  # type: ignore[misc]
    """A function of one tensor (1, 4), and variables that it may read and assign."""

    def __init__(self, step: Step, **variables: Any) -> None:
        super().__init__()
        self.step = step
        self.kept = {name: tf.Variable(value, name=name) for name, value in variables.items()}
        self.w, self.u = (tf.Variable(value.astype(np.float32)) for value in KERNELS)

    @tf.function  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        return self.step(self, x)


def file_of(step: Step, **variables: Any) -> bytes:
    module = Keeping(step, **variables)
    traced = module.__call__.get_concrete_function(tf.TensorSpec((1, 4), tf.float32, name="x"))
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced], module).convert())


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def cell(self: Any, x: Any) -> Any:
    h, level, count = (self.kept[name] for name in ("h", "level", "count"))
    made = tf.tanh(x @ self.w + h @ self.u)
    h.assign(made)
    level.assign(level * 0.5 + made)  # read before it is assigned,
    count.assign_add(2)
    return {"y": made * level, "n": tf.cast(count, tf.float32)}  # and behind


def by_hand(sequence: Any) -> tuple[Any, Any]:
    h, level, made = zeros(8), zeros(8) + 0.5, []
    for x in sequence:
        h = np.tanh(x @ KERNELS[0] + h @ KERNELS[1])
        level = level * 0.5 + h
        made.append((h * level, 3.0 + 2 * (len(made) + 1)))
    ys, counts = zip(*made, strict=True)
    return np.stack(ys), np.array(counts)
