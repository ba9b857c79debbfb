"""Each method reaches the file, the best is taken, and targets lay integers out as they like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import (
    FORMATS,
    ONNX,
    REGISTRY,
    TFLITE,
    Deployed,
    agreement,
    answers_of,
    decibels,
    deployed,
    digits,
    row_reader,
    write,
    write_and_tell,
)

from zoo.common.errors import Unsupported
from zoo.contracts import ExportRequest
from zoo.contracts.exporter import CALIBRATIONS
from zoo.exporters.quantization.method_search import choose_method
from zoo.exporters.quantization.ranges import METHODS
from zoo.exporters.tflite import lstm as tflite_lstm
from zoo.targets import target_named

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures() -> Deployed:
    """Trained on digits; one calibration picture in forty is ten times too bright."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(6)
    images, classes = digits()
    inputs = np.rint(images[..., None] * 2)
    pixels = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, activation="relu", name="conv")(pixels)
    x = layers.Dense(32, activation="relu", name="hidden")(layers.Flatten()(x))
    network = keras.Model(pixels, layers.Dense(10, name="head")(x))
    normalize = layers.Rescaling(1 / 32, name="normalization")
    training = keras.Sequential([keras.Input((8, 8, 1)), normalize, network])
    training.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    training.fit(inputs[:1400], classes[:1400], epochs=5, verbose=0)
    calibration = inputs[:200].copy()
    calibration[::40] = np.minimum(calibration[::40] * 10, 255)
    return deployed(network, normalize, calibration, inputs[1400:])


def test_every_method_that_can_be_asked_for_exists() -> None:
    assert set(CALIBRATIONS) == {"auto", *METHODS}


@pytest.mark.parametrize("format", FORMATS)
def test_auto_takes_the_method_that_errs_least(
    pictures: Deployed, tmp_path: Path, format: str
) -> None:
    held_out = pictures.inputs[:100]
    found, tails = {}, set()
    for method in METHODS:
        path, _, told = write_and_tell(
            FORMATS[format], pictures, tmp_path, "int8", method=method, integer_input=True
        )
        assert told.method == method
        answers = answers_of(path, pictures.inputs)
        tails.add(answers.tobytes())
        found[method] = decibels(pictures.answers[:100], answers[:100])
    assert len(tails) >= 4
    path, _, told = write_and_tell(
        FORMATS[format],
        pictures,
        tmp_path,
        "int8",
        method="auto",
        held_out=held_out,
        integer_input=True,
    )
    assert found[told.method] > max(found.values()) - 0.05
    # Pictures that are too bright make the range of minmax too wide.
    assert found[told.method] > found["minmax"] + 1
    assert told.method in told.remarks[0]
    assert "100 held-out inputs" in told.remarks[0]
    found_now = answers_of(path, pictures.inputs)
    assert found_now.tobytes() in tails
    assert agreement(pictures.answers[100:], found_now[100:]) > 0.97


def test_the_choice_is_made_on_held_out_inputs_alone(tmp_path: Path) -> None:
    """Two files, each right on one half: the half that is held out decides."""
    import keras

    model = keras.Sequential([keras.Input((1,), batch_size=1), keras.layers.Dense(1)])
    inputs = np.arange(8, dtype=np.float32)[:, None]

    def request(held_out: Any) -> ExportRequest:
        return ExportRequest(
            model=model,
            path=tmp_path / "never",
            precision="int8",
            calibration=inputs[:4],
            input_name="raw",
            output_names=("answers",),
            integer_input=False,
            method="auto",
            held_out=held_out,
        )

    def answers(method: str, given: Any) -> Any:
        right = given < 4 if method == "mse" else given >= 4
        return [given, np.where(right, given, 99.0)]  # of all outputs the worst counts

    def expected(given: Any) -> Any:
        return [given, given]

    def choose(held_out: Any) -> tuple[str, str]:
        _, method, remarks = choose_method(request(held_out), str, answers, expected)
        return method, remarks[0]

    assert choose(inputs[:4])[0] == "mse"
    assert choose(inputs[4:])[0] == "minmax"
    method, remark = choose(None)
    assert method == "mse"
    assert "4 calibration inputs" in remark


@pytest.mark.parametrize("interface", ["uint8", "int8", "float32"])
def test_interface_of_the_target(pictures: Deployed, tmp_path: Path, interface: str) -> None:
    target = replace(target_named(REGISTRY, "mcu"), interface=interface)
    path, contents = write(TFLITE, pictures, tmp_path, "int8", target=target, integer_input=True)
    assert {t.dtype for t in (*contents.inputs, *contents.outputs)} == {interface}
    if interface != "float32":
        # Bytes go in unchanged, or less 128.
        zero = {"uint8": 0, "int8": -128}[interface]
        assert (contents.inputs[0].scale, contents.inputs[0].zero_point) == (1.0, zero)
        assert contents.conversions == (2 if interface == "uint8" else 0)
    assert agreement(pictures.answers, answers_of(path, pictures.inputs)) > 0.97


def test_series_for_a_microcontroller_are_integers_throughout(tmp_path: Path) -> None:
    import keras

    subject = row_reader(lambda rows: keras.layers.LSTM(16)(rows))
    mcu = target_named(REGISTRY, "mcu")
    path, contents = write(TFLITE, subject, tmp_path, "int8", target=mcu)
    assert {t.dtype for t in (*contents.inputs, *contents.outputs)} == {"int8"}
    assert not contents.float_operators
    assert agreement(subject.answers, answers_of(path, subject.inputs)) > 0.95


@pytest.mark.parametrize(("several", "scales"), [(False, {1, 16}), (True, {10, 16, 32})])
def test_dense_layers_have_one_scale_unless_the_target_wants_more(
    pictures: Deployed, tmp_path: Path, several: bool, scales: set[int]
) -> None:
    from ai_edge_litert import schema_py_generated as schema

    target = replace(target_named(REGISTRY, "arm64"), per_channel_dense=several)
    path, _ = write(TFLITE, pictures, tmp_path, "int8", target=target, integer_input=True)
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    weights = [
        tensor
        for tensor in model.subgraphs[0].tensors
        if model.buffers[tensor.buffer].data is not None and len(tensor.shape) > 1
    ]
    assert {len(tensor.quantization.scale) for tensor in weights} == scales


@pytest.mark.parametrize(
    ("name", "changes", "kind", "most", "scales"),
    [
        ("x86-vnni", {}, "uint8", 127, {1, 16}),
        ("x86-avx2", {}, "uint8", 64, {1, 16}),
        ("arm64", {}, "int8", 127, {1, 16}),
        ("arm64", {"per_channel_dense": True}, "int8", 127, {10, 16, 32}),
        ("arm64", {"per_channel": False}, "int8", 127, {1}),
    ],
)
def test_onnx_scheme_of_the_target(
    pictures: Deployed,
    tmp_path: Path,
    name: str,
    changes: dict[str, Any],
    kind: str,
    most: int,
    scales: set[int],
) -> None:
    import onnx

    target = replace(target_named(REGISTRY, name), **changes)
    path, _ = write(ONNX, pictures, tmp_path, "int8", target=target, integer_input=True)
    graph = onnx.load(path).graph
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    zeros = {stored[n.input[2]].dtype.name for n in graph.node if n.op_type == "QuantizeLinear"}
    assert zeros == {kind}
    weights = [v for v in stored.values() if v.dtype == np.int8 and v.ndim > 1]
    assert len(weights) == 3
    assert max(int(np.abs(v.astype(int)).max()) for v in weights) == most
    sizes = {
        stored[n.input[1]].size
        for n in graph.node
        if n.op_type == "DequantizeLinear" and n.input[0] in stored and stored[n.input[0]].ndim > 1
    }
    assert sizes == scales
    assert agreement(pictures.answers, answers_of(path, pictures.inputs)) > 0.97


def test_symmetric_targets_have_zero_points_of_zero(pictures: Deployed, tmp_path: Path) -> None:
    import onnx
    from ai_edge_litert import schema_py_generated as schema

    target = replace(target_named(REGISTRY, "arm64"), symmetric=True)
    path, _ = write(ONNX, pictures, tmp_path, "int8", target=target, integer_input=True)
    graph = onnx.load(path).graph
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    assert {int(stored[n.input[2]]) for n in graph.node if n.op_type == "QuantizeLinear"} == {0}
    path, _ = write(TFLITE, pictures, tmp_path, "int8", target=target)
    graph = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0).subgraphs[0]
    relu = [t for t in graph.tensors if b"conv" in t.name and b"Relu" in t.name and t.type == 9]
    assert relu
    assert {int(t.quantization.zeroPoint[0]) for t in relu} == {0}


@pytest.mark.parametrize(
    ("target", "precision", "operator"),
    [
        ("x86-vnni", "int8", "TANH"),
        ("x86-vnni", "float32", "WHILE"),
        ("mcu", "int8", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        ("ethos-u55", "int8", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
        ("arm64", "float32", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    ],
)
def test_form_of_lstm_follows_the_target(
    tmp_path: Path, target: str, precision: str, operator: str
) -> None:
    import keras

    subject = row_reader(lambda rows: keras.layers.LSTM(8)(rows), epochs=1)
    meant = target_named(REGISTRY, target)
    _, contents = write(TFLITE, subject, tmp_path, precision, target=meant)
    assert operator in contents.operators
    # What the user asks for goes first.
    _, contents = write(TFLITE, subject, tmp_path, precision, "unrolled", target=meant)
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" not in contents.operators
    assert "WHILE" not in contents.operators


def test_a_target_cannot_ask_for_what_crashes(tmp_path: Path) -> None:
    import keras

    subject = row_reader(lambda rows: keras.layers.LSTM(8)(rows), epochs=1)
    target = replace(target_named(REGISTRY, "mcu"), recurrent={"int8": "while"})
    with pytest.raises(Unsupported, match="WHILE loop"):
        write(TFLITE, subject, tmp_path, "int8", target=target)
    assert set(tflite_lstm.FORMS) == set(TFLITE.precisions)
