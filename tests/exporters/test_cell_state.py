"""The scale of the cell's state: outside a range the 8-bit kernel answers garbage, silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import TFLITE, Deployed, answers_of, decibels, deployed, write

from zoo.exporters import tflite_lstm

pytestmark = pytest.mark.slow


def network(gain: float, bias: float) -> Deployed:
    """An LSTM whose cell stays small, or grows and grows."""
    import keras

    keras.utils.set_random_seed(2)
    rows = keras.Input((160, 4))
    layer = keras.layers.LSTM(16)
    outputs = keras.layers.Dense(3)(layer(rows))
    kernel, recurrent, biases = layer.get_weights()
    biases[:] = bias
    layer.set_weights([kernel * gain, recurrent * gain, biases])
    examples = np.random.default_rng(0).normal(size=(60, 160, 4)).astype(np.float32)
    linear = keras.layers.Activation("linear")
    return deployed(keras.Model(rows, outputs), lambda raw: raw, examples, examples, linear)


def exponent(path: Path) -> int:
    """Of the scale of the cell's state, as the file has it."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0).subgraphs[0]
    (operator,) = [o for o in graph.operators if len(o.inputs) > tflite_lstm.CELL_STATE]
    state = graph.tensors[operator.inputs[tflite_lstm.CELL_STATE]]
    return int(np.log2(state.quantization.scale[0]))


def test_small_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = network(gain=0.3, bias=0.0)
    path, _ = write(TFLITE, subject, tmp_path, "int8")
    assert exponent(path) == tflite_lstm.FINEST
    assert decibels(subject.answers, answers_of(path, subject.inputs)) > 20
    monkeypatch.setattr("zoo.exporters.tflite.with_usable_states", lambda data: data)
    path, _ = write(TFLITE, subject, tmp_path, "int8")
    assert exponent(path) < tflite_lstm.FINEST
    assert decibels(subject.answers, answers_of(path, subject.inputs)) < 10


def test_large_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = network(gain=0.5, bias=6.0)
    path, _ = write(TFLITE, subject, tmp_path, "int8")
    assert exponent(path) == tflite_lstm.COARSEST
    assert decibels(subject.answers, answers_of(path, subject.inputs)) > 20
    monkeypatch.setattr("zoo.exporters.tflite.with_usable_states", lambda data: data)
    path, _ = write(TFLITE, subject, tmp_path, "int8")
    assert exponent(path) > tflite_lstm.COARSEST


def test_files_without_such_states_stay_as_they_are(tmp_path: Path) -> None:
    path, _ = write(TFLITE, network(gain=1.0, bias=0.0), tmp_path, "float32")
    data: Any = path.read_bytes()
    assert tflite_lstm.with_usable_states(data) == data
