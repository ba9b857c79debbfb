"""Normalization of large offsets: what is small beside them reaches the network whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.preprocessing import SeriesPreprocessing
from zoo.data.preprocessing.inputs import fitted, normalize
from zoo.networks.building import normalization, raw_input

CASES = [(101_325.0, 3.0), (1e6, 1.0), (-1e6, 0.5), (53.123456, 1e-4), (0.0, 1.0), (1e6, 1e6)]


def series(mean: float, std: float) -> np.ndarray:
    """A channel of this mean and deviation, and one of small numbers: float32, (9, 20, 2)."""
    noise = np.random.default_rng(0).normal(0, 1, (9, 20, 2))
    return (noise * [std, 2e-4] + [mean, 1e-3]).astype(np.float32)


def record_of(raw: np.ndarray) -> SeriesPreprocessing:
    """The record that training would measure."""
    splits = {
        name: Split(
            labels=np.arange(3) % 2, read=raw[start : start + 3].__getitem__, content_hash=""
        )
        for start, name in ((0, "train"), (3, "validation"), (6, "test"))
    }
    dataset = Dataset(name="s", classes=("a", "b"), splits=splits, content_hash="")
    record: Any = fitted(SeriesPreprocessing(steps=1, channels=1), dataset)
    return record


@pytest.mark.parametrize(("mean", "std"), CASES)
def test_moments_and_graph_follow_the_formula(mean, std):
    raw = series(mean, std)
    record = record_of(raw)
    rows = raw[:3].reshape(-1, 2).astype(np.float64)
    np.testing.assert_allclose(record.std, rows.std(axis=0), rtol=1e-6)
    in_graph = np.asarray(normalization(record)(raw), np.float64)
    # One multiplication and one addition err by 0.002 for air pressure, and by 0.06 for 1e6 ± 1.
    assert np.abs(in_graph - normalize(raw, record)).max() < 2e-6


def test_a_mean_that_float32_cannot_hold_is_made_up_for():
    record = SeriesPreprocessing(steps=20, channels=1, mean=(1_000_000.03,), std=(0.5,))
    raw = series(1e6, 1.0)[:, :, :1]
    in_graph = np.asarray(normalization(record)(raw), np.float64)
    assert np.abs(in_graph - normalize(raw, record)).max() < 2e-6


def test_a_channel_that_never_changes_still_has_a_deviation_of_one():
    raw = series(1e6, 1.0)
    raw[:, :, 0] = 1e6 + 1
    assert record_of(raw).std[0] == 1.0


@pytest.mark.parametrize("tail", ["Dense", "Conv1D"])
def test_converters_keep_the_order(tail):
    import keras
    import tensorflow as tf

    raw = series(1e6, 1.0)[:4]
    record = record_of(series(1e6, 1.0))
    layer = keras.layers.Conv1D(4, 3) if tail == "Conv1D" else keras.layers.Dense(4)
    given = raw_input(record, 4)
    model = keras.Model(given, layer(normalization(record)(given)))
    wanted = np.asarray(layer(normalize(raw, record)))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    runner = tf.lite.Interpreter(model_content=converter.convert())
    runner.allocate_tensors()
    runner.set_tensor(runner.get_input_details()[0]["index"], raw)
    runner.invoke()
    found = runner.get_tensor(runner.get_output_details()[0]["index"])
    assert np.abs(found - wanted).max() < 1e-5
