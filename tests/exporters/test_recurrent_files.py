"""LSTM layers survive both formats at every precision, one sequence after another."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import (
    CELLS,
    FORMATS,
    ONNX,
    TFLITE,
    Deployed,
    agreement,
    answers_of,
    decibels,
    next_pixel_tagger,
    row_reader,
    write,
)

from zoo.artifacts.gate import left_in_float, placement
from zoo.common.errors import Unsupported
from zoo.registry import load_registry
from zoo.targets import target_named

pytestmark = pytest.mark.slow

FUSED = "UNIDIRECTIONAL_SEQUENCE_LSTM"
#: Decibels that a file of each precision keeps at least.
FIDELITY = {"float32": 100, "float16": 60, "dynamic-int8": 34, "int8": 30, "int16x8": 34}


@pytest.fixture(scope="module")
def reader() -> Deployed:
    import keras

    return row_reader(lambda rows: keras.layers.LSTM(64)(rows))


@pytest.fixture(scope="module")
def made(reader: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Writes a file of the reader, once: its path, and what it contains."""
    folder = tmp_path_factory.mktemp("reader")

    @functools.cache
    def written(format: str, precision: str) -> Any:
        return write(FORMATS[format], reader, folder, precision)

    return written


@pytest.fixture(scope="module")
def tagger() -> Deployed:
    return next_pixel_tagger()


@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_answers_are_those_of_keras(
    reader: Deployed, made: Any, format: str, precision: str
) -> None:
    path, contents = made(format, precision)
    found = answers_of(path, reader.inputs)
    assert decibels(reader.answers, found) > FIDELITY[precision]
    assert agreement(reader.answers, found) >= 0.98
    assert not contents.dynamic_tensors
    assert not contents.custom_operators
    # Series go in and come out as real numbers at every precision.
    assert {t.dtype for t in (*contents.inputs, *contents.outputs)} == {"float32"}


@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_word_numbers_in_and_an_answer_per_step_out(
    tagger: Deployed, tmp_path: Path, format: str, precision: str
) -> None:
    if precision == "int16x8":
        with pytest.raises(Unsupported, match="whole numbers"):
            write(FORMATS[format], tagger, tmp_path, precision)
        return
    path, contents = write(FORMATS[format], tagger, tmp_path, precision)
    inputs, answers = tagger.inputs[:100], tagger.answers[:100]
    assert [t.dtype for t in contents.inputs] == ["int32"]
    assert contents.outputs[0].shape == (1, 64, 5)
    found = answers_of(path, inputs)
    assert decibels(answers, found) > FIDELITY[precision]
    assert agreement(answers, found) >= 0.98


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_fused_operator_remembers_and_the_agent_resets_it(
    reader: Deployed, made: Any, precision: str
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    path, contents = made("tflite", precision)
    assert contents.operators[FUSED] == 1
    assert contents.keeps_state
    assert "reset" in " ".join(contents.remarks)
    together = answers_of(path, reader.inputs[:20])
    alone = [answers_of(path, reader.inputs[n : n + 1])[0] for n in (0, 7, 19)]
    np.testing.assert_array_equal(together[[0, 7, 19]], alone)
    np.testing.assert_array_equal(answers_of(path, reader.inputs[19::-1])[::-1], together)

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    wrong = []
    for sequence in reader.inputs[:20]:  # as somebody would who forgets to reset
        interpreter.set_tensor(entry["index"], sequence[None])
        interpreter.invoke()
        wrong.append(interpreter.get_tensor(result["index"])[0])
    assert decibels(together, np.array(wrong)) < 20


@pytest.mark.parametrize("purpose", ["outputs", "timing"])
def test_agent_resets_whatever_the_purpose(reader: Deployed, made: Any, purpose: str) -> None:
    from zoo.devices.local.host import HostTransport
    from zoo.execution.session import AgentSession

    path, _ = made("tflite", "float32")
    with AgentSession(HostTransport(), "litert") as session:
        # CompiledModel takes no variables, so even for timing the interpreter is used.
        assert session.load(path, purpose=purpose).api == "Interpreter.invoke"
        assert decibels(reader.answers[:50], session.run(reader.inputs[:50])) > 100


@pytest.mark.parametrize(
    ("form", "precision", "operator"),
    [
        ("unrolled", "float32", "TANH"),
        ("unrolled", "int8", "TANH"),
        ("while", "float32", "WHILE"),
        ("while", "float16", "WHILE"),
        ("while", "dynamic-int8", "WHILE"),
    ],
)
def test_other_forms_on_request(
    reader: Deployed, tmp_path: Path, form: str, precision: str, operator: str
) -> None:
    path, contents = write(TFLITE, reader, tmp_path, precision, form)
    assert operator in contents.operators
    assert FUSED not in contents.operators
    assert not contents.keeps_state
    assert decibels(reader.answers, answers_of(path, reader.inputs)) > FIDELITY[precision]


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_loop_that_the_target_prefers_is_no_loop_where_shapes_would_be_unknown(
    reader: Deployed, tmp_path: Path, precision: str
) -> None:
    import keras

    target = target_named(load_registry(), "x86-vnni")
    assert target.recurrent[precision] == "while"
    _, single = write(TFLITE, reader, tmp_path, precision, target=target)
    assert "WHILE" in single.operators
    stacked = row_reader(lambda rows: KINDS["stacked"](keras.layers, rows), epochs=1)
    _, contents = write(TFLITE, stacked, tmp_path, precision, target=target)
    assert contents.operators[FUSED] == 2
    assert not contents.dynamic_tensors
    assert not single.dynamic_tensors
    _, looped = write(TFLITE, stacked, tmp_path, precision, "while", target=target)
    assert looped.dynamic_tensors, "nothing would have been unknown"


@pytest.mark.parametrize(
    ("exporter", "form", "precision"),
    [
        (TFLITE, "while", "int8"),
        (TFLITE, "while", "int16x8"),
        (TFLITE, "fused", "int16x8"),
        (ONNX, "while", "float32"),
    ],
)
def test_impossible_forms_are_refused_before_anything_crashes(
    reader: Deployed, tmp_path: Path, exporter: Any, form: str, precision: str
) -> None:
    with pytest.raises(Unsupported) as refusal:
        write(exporter, reader, tmp_path, precision, form)
    assert refusal.value.why
    assert "choose" in str(refusal.value.fix)


def test_exporting_leaves_the_network_as_it_was(reader: Deployed, tmp_path: Path) -> None:
    before = [(layer.unroll, layer.inner_loop.__func__) for layer in _lstms(reader.model)]
    write(TFLITE, reader, tmp_path, "float32")
    write(ONNX, reader, tmp_path, "float32", "unrolled")
    after = [(layer.unroll, layer.inner_loop.__func__) for layer in _lstms(reader.model)]
    assert before == after
    answers = reader.model.predict(reader.inputs[:1], verbose=0)
    np.testing.assert_allclose(answers, reader.answers[:1], atol=1e-5)


def _lstms(model: Any) -> list[Any]:
    import keras

    return [x for x in model._flatten_layers() if isinstance(x, keras.layers.LSTM)]


def test_onnx_keeps_the_operator(made: Any) -> None:
    expected = {"float32": "LSTM", "float16": "LSTM", "dynamic-int8": "DynamicQuantizeLSTM"}
    expected["int8"] = "DynamicQuantizeLSTM"
    for precision, operator in expected.items():
        _, contents = made("onnx", precision)
        assert contents.operators[operator] == 1
        assert "Loop" not in contents.operators
        assert contents.inputs[0].shape == (1, 8, 8)
        assert contents.hybrid_operators == (0 if "float" in precision else 1 + ("d" in precision))


KINDS = {
    "stacked": lambda L, x: L.LSTM(32)(L.LSTM(32, return_sequences=True)(x)),
    "backwards": lambda L, x: L.LSTM(32, go_backwards=True)(x),
    "both ways": lambda L, x: L.LSTM(32)(L.Bidirectional(L.LSTM(32, return_sequences=True))(x)),
    "shared": lambda L, x: (lambda layer: L.Add()([layer(x), layer(L.ReLU()(x))]))(L.LSTM(32)),
    "no bias": lambda L, x: L.LSTM(32, use_bias=False)(x),
    "masked": lambda L, x: L.LSTM(32)(L.Masking(mask_value=-2.0)(x)),
    "other activation": lambda L, x: L.LSTM(32, activation="softsign")(x),
    "gru": lambda L, x: L.GRU(32)(x),
    "simple": lambda L, x: L.SimpleRNN(32)(x),
}
#: Fused operators in TFLite, LSTM operators in ONNX.
COUNTS = {"stacked": (2, 2), "backwards": (1, 1), "both ways": (3, 2), "shared": (2, 2)}
COUNTS["no bias"] = (1, 1)
#: To the quantizer as the others, one layer of LSTM; GRU has a test of its own.
ALIKE_IN_INTEGERS = ("backwards", "no bias", "gru")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_recurrent_layer(kind: str, tmp_path: Path) -> None:
    import keras

    network = row_reader(lambda rows: KINDS[kind](keras.layers, rows), epochs=3)
    fused, kept = COUNTS.get(kind, (0, 0))
    for precision in ("float32", "int8")[: 1 if kind in ALIKE_IN_INTEGERS else 2]:
        path, contents = write(TFLITE, network, tmp_path, precision)
        assert contents.operators.get(FUSED, 0) == fused
        assert contents.keeps_state == (fused > 0)
        _close(network, path, precision)
    path, contents = write(ONNX, network, tmp_path, "float32")
    assert contents.operators.get("LSTM", 0) == kept
    assert "Loop" not in contents.operators
    assert not contents.dynamic_tensors
    _close(network, path, "float32")


@pytest.fixture(scope="module")
def gated() -> Deployed:
    import keras

    def layers(rows: Any) -> Any:
        first = keras.layers.GRU(24, return_sequences=True, reset_after=False)
        return keras.layers.GRU(32)(keras.layers.Bidirectional(first)(rows))

    return row_reader(layers)


@pytest.mark.parametrize(
    ("format", "precision", "form"),
    [
        *(("tflite", precision, "unrolled") for format, precision in CELLS if format == "tflite"),
        *(("onnx", precision, "fused") for format, precision in CELLS if format == "onnx"),
        *(("onnx", precision, "unrolled") for precision in ("float32", "int8")),
    ],
)
def test_gru_in_every_format_and_precision(
    gated: Deployed, tmp_path: Path, format: str, precision: str, form: str
) -> None:
    """ONNX has an operator for it, with 8-bit weights; steps that are written out are quantized."""
    path, contents = write(FORMATS[format], gated, tmp_path, precision, form)
    assert contents.operators.get("GRU", 0) == (3 if form == "fused" else 0)
    if form == "fused" and "int8" in precision:
        assert contents.hybrid_operators == 3 + (precision == "dynamic-int8")
        assert contents.weight_types["int8"] > contents.weight_types["float32"]
        assert list(contents.without_integer_kernel) == ["GRU"]
    found = answers_of(path, gated.inputs)
    assert decibels(gated.answers, found) > min(FIDELITY[precision], 28)
    assert agreement(gated.answers, found) >= 0.98
    record = load_registry().precision(precision)
    assert placement(contents, record).passed
    assert left_in_float(contents, record, (), ()) == ""
    assert not contents.dynamic_tensors
    assert not contents.custom_operators


@pytest.mark.parametrize("format", FORMATS)
def test_a_gru_in_integers_is_no_loop(gated: Deployed, tmp_path: Path, format: str) -> None:
    with pytest.raises(Unsupported, match="cannot be a") as caught:
        write(FORMATS[format], gated, tmp_path, "int8", "while")
    assert "unrolled" in (caught.value.fix or "") or "fused" in (caught.value.fix or "")


def _close(network: Deployed, path: Path, precision: str) -> None:
    found = answers_of(path, network.inputs)
    assert decibels(network.answers, found) > (100 if precision == "float32" else 25)
