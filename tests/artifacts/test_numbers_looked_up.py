"""Networks that look whole numbers up: what arrives at the lookup is measured on such numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_makers import model_of, node, saved
from tiny_networks import ONNX

from zoo.artifacts.normalization_in_file import NormalizationFinding, check_normalization
from zoo.contracts import SeriesPreprocessing
from zoo.contracts.precision import precision_named

NUMBERS = SeriesPreprocessing(steps=4, channels=1)
REAL = np.float32(np.random.default_rng(0).integers(0, 9, (8, 4, 1)))
NONE = REAL[:0]


def measured(
    path: Path, inputs: Any, factor: float = 1.0, least: int = 0, added: int = 0
) -> NormalizationFinding:
    """Of a lookup that counts negative numbers from the end, as Keras' does."""
    look = [
        node("Mul", "x", "factor"),
        node("Cast", "mul", out="number", to=6),
        node("Add", "number", "words", out="wrapped"),
        node("Less", "number", "least"),
        node("Where", "less", "wrapped", "number"),
        node("Add", "where", "added", out="index"),
        node("Gather", "table", "index"),
    ]
    numbers = {"words": 9, "least": least, "added": added}
    constants = {name: np.int32(number) for name, number in numbers.items()}
    more = {"factor": np.float32(factor), "table": np.zeros((30, 3), np.float32)}
    saved(path, model_of(look, (1, 4, 1), {**constants, **more}))
    return check_normalization(ONNX, path, NUMBERS, precision_named("float32"), inputs)


@pytest.mark.parametrize("inputs", [REAL, NONE], ids=["real inputs", "built inputs"])
def test_what_is_added_to_negative_numbers_alone_is_no_normalization(
    inputs: Any, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    found = measured(path, inputs)
    assert (found.kind, found.check.passed) == ("formula", True), found.check
    for wrong in ({"added": 1}, {"factor": 1.2}, {"factor": 0.9}, {"least": 2}):
        found = measured(path, inputs, **wrong)
        assert (found.kind, found.check.passed) == ("unknown", False), (wrong, found.check)
        assert "index, behind Mul, Less, Add, Where, Add" in found.check.reason


def test_real_inputs_with_fractions_show_that_these_are_cut_off(tmp_path: Path) -> None:
    assert not measured(tmp_path / "net.onnx", REAL + np.float32(0.5)).check.passed
