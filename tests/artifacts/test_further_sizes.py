"""Shapes of files with free sides, and their answers at further sizes."""

from __future__ import annotations

import numpy as np
import pytest
from makers import contents

from zoo.artifacts.free_shapes import static_shapes
from zoo.artifacts.further_sizes import compare_kept, further_check, kept_outputs, noise_between
from zoo.contracts import TensorInfo
from zoo.contracts.precision import precision_named

FREE = {"x": ("N", "", "W")}


def taking(*shape: int) -> TensorInfo:
    return TensorInfo(name="x", shape=shape, dtype="float32")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((-1, 3, -1), ""),
        ((-1, 3, 48), "W of x is 48"),
        ((1, 3, -1), "N of x is 1"),
        ((-1, -1, -1), "a side of x is free"),
        ((-1, 3), "2 sides, not 3"),
    ],
)
def test_just_the_sides_that_were_asked_for_are_free(shape: tuple[int, ...], said: str) -> None:
    found = static_shapes(contents(inputs=(taking(*shape),), dynamic_tensors=("x",)), FREE)
    assert found.passed == (not said)
    assert said in found.reason


def test_noise_is_beside_the_spread_and_another_shape_is_no_answer() -> None:
    values = np.random.default_rng(0).normal(size=(4, 100)).astype(np.float32)
    assert noise_between(values, values) == 0.0
    assert 0.09 < noise_between(values, values * 1.1) < 0.11
    assert noise_between(values, values[:, :50]) == float("inf")
    assert noise_between(values, np.full_like(values, np.nan)) == float("inf")


def test_one_size_with_other_answers_fails_the_check() -> None:
    precision = precision_named("float32")
    assert further_check({"W = 640": 1e-6, "N = 2": 0.0}, precision).passed
    for bad in (0.5, float("inf"), float("nan"), "the agent refused"):
        found = further_check({"W = 640": bad, "N = 2": 0.0}, precision)
        assert not found.passed
        assert "W = 640" in found.reason
        assert "N = 2" not in found.reason


def test_noise_at_the_size_of_the_data_is_a_measure_of_that_at_others() -> None:
    precision = precision_named("dynamic-int8")
    for own, noise, passed in ((0.0, 0.06, False), (0.02, 0.09, True), (0.02, 0.11, False)):
        assert further_check({"W = 640": noise}, precision, own).passed == passed
    assert not further_check({"W = 640": 0.9}, precision, 0.4).passed


def test_outputs_that_were_kept_are_known_again() -> None:
    outputs = [np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)]
    kept = kept_outputs("W", outputs)
    assert compare_kept(kept, outputs, [1e-5])[0]
    assert not compare_kept(kept, [outputs[0] + 0.01], [1e-5])[0]
    assert not compare_kept(kept, [outputs[0][:, :500]], [1e-5])[0]
