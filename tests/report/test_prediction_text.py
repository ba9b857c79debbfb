"""Predictions as rows of tables and cards of a page."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.contracts import Preprocessing, SeriesPreprocessing
from zoo.contracts.prediction import DecodedOutput, NamedScore
from zoo.contracts.preprocessing import Sample, TensorPreprocessing
from zoo.report.pages.predictions import render
from zoo.report.prediction_text import score_rows
from zoo.results.predictions import PredictedExample, Predictions

NUMBERS = {"y": np.arange(20).reshape(2, 10).tolist(), "n": 3.0, "none": []}


def example(output: DecodedOutput, raw: np.ndarray) -> PredictedExample:
    return PredictedExample(sample=Sample(name="a.npz[0]", read=lambda: raw), output=output)


def page(one: PredictedExample, preprocessing: Preprocessing) -> str:
    return render(
        Predictions(
            subject="net.onnx",
            task="tensors",
            classes=(),
            runtime="keras",
            preprocessing=preprocessing,
            examples=(one,),
        )
    )


def test_outputs_without_a_meaning_have_a_row_each() -> None:
    one = example(DecodedOutput(answer="y (2×10): 0, …", numbers=NUMBERS), np.zeros(2))
    headings, rows, _ = score_rows(one)
    assert headings == ("output", "shape", "values")
    assert rows == [
        ("y", "2×10", "0, 1.000, 2.000, 3.000, 4.000, 5.000, 6.000, 7.000, …"),
        ("n", "1", "3.000"),
        ("none", "0", ""),
    ]
    pytest.importorskip("jinja2")
    text = page(one, TensorPreprocessing(name="x", shape=(2,), low=0, high=1))
    assert "3 outputs" in text
    assert "y (2×10)" not in text


def test_the_row_of_a_table_is_numbers_and_a_recording_is_lines() -> None:
    pytest.importorskip("jinja2")
    scores = (NamedScore(name="price", value=2.0),)
    output = DecodedOutput(answer="price 2.000", scores=scores)
    for steps in (1, 5):
        raw = np.full((steps, 2), 0.5, np.float32)
        own = SeriesPreprocessing(steps=steps, channels=2, names=("area", "rooms"))
        text = page(example(output, raw), own)
        assert ("area 0.5000, rooms 0.5000" in text) == (steps == 1)
        assert ("<svg" in text.partition("Examples</h2>")[2]) == (steps > 1)
