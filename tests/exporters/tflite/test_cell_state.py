"""The scale of the cell's state: outside a range the 8-bit kernel answers garbage, silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_networks import TFLITE, Deployed, answers_of, decibels, deployed, write

from zoo.exporters.tflite import lstm as tflite_lstm

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
    for module in ("export", "integer"):
        monkeypatch.setattr(f"zoo.exporters.tflite.{module}.with_usable_states", lambda data: data)
    path, _ = write(TFLITE, subject, tmp_path, "int8")
    assert exponent(path) < tflite_lstm.FINEST
    assert decibels(subject.answers, answers_of(path, subject.inputs)) < 10


def test_coarse_scales_are_those_that_the_kernel_takes(tmp_path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    path, _ = write(TFLITE, network(gain=1.0, bias=0.0), tmp_path, "int8")
    data = bytearray(path.read_bytes())
    graph = schema.Model.GetRootAs(data, 0).Subgraphs(0)
    for operator in (graph.Operators(i) for i in range(graph.OperatorsLength())):
        if operator.InputsLength() > tflite_lstm.CELL_STATE:
            state = graph.Tensors(operator.Inputs(tflite_lstm.CELL_STATE))
            state.Quantization().ScaleAsNumpy()[0] = 2.0**-8
    path.write_bytes(data)
    assert exponent(path) == -8
    path.write_bytes(tflite_lstm.with_usable_states(bytes(data)))
    assert exponent(path) == tflite_lstm.COARSEST


def test_cells_that_count_beyond_ten_are_not_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They climb to about 40, and come down again: a cell clipped at 10 would end elsewhere."""
    import keras

    rows = keras.Input((80, 1))
    layer = keras.layers.LSTM(4, return_sequences=True)
    outputs = layer(rows)
    kernel, recurrent, biases = (np.zeros_like(w) for w in layer.get_weights())
    kernel[0, 8:12] = 1.0  # the gate of candidates follows the input
    biases[:8] = biases[12:] = 8.0  # the other gates stay open
    layer.set_weights([kernel, recurrent, biases])
    random = np.random.default_rng(0).uniform(2, 3, size=(20, 80, 1)).astype(np.float32)
    random[:, 40:] *= -1
    linear = keras.layers.Activation("linear")
    subject = deployed(keras.Model(rows, outputs), lambda raw: raw, random, random, linear)
    path, contents = write(TFLITE, subject, tmp_path, "float32")
    assert contents.keeps_state
    assert decibels(subject.answers, answers_of(path, subject.inputs)) > 80
    monkeypatch.setattr("zoo.exporters.tflite.export.with_usable_states", lambda data: data)
    path, _ = write(TFLITE, subject, tmp_path, "float32")
    assert decibels(subject.answers, answers_of(path, subject.inputs)) < 10
