"""Series whose offset is large beside their signal, in files of every precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

from normalization_mutants import arithmetic_mutants
from tiny_networks import FORMATS, REGISTRY, answers_of

from zoo.artifacts.normalization_in_file import check_normalization
from zoo.common.errors import Unsupported
from zoo.contracts import ExportRequest, SeriesPreprocessing
from zoo.contracts.precision import precision_named
from zoo.exporters.onnx.half_precision import to_float16
from zoo.exporters.onnx.qat import with_trained_ranges
from zoo.exporters.tflite.integer import check_integer_input
from zoo.networks.building import deployed_model
from zoo.networks.leading_layers import LeadingResults

#: Air pressure in pascals, an acceleration, and a count about a million.
SERIES = SeriesPreprocessing(
    steps=12, channels=3, mean=(101_325.0, 1e-3, 1e6), std=(3.0, 2e-4, 1.0)
)
TASK = REGISTRY.tasks.get("sequence-classification")
#: The cells that hold a large offset by arithmetic of their own, and how far answers may move.
CELLS = [("tflite", "float16", 2e-3), ("tflite", "int16x8", 0.03), ("onnx", "float16", 2e-3)]


def raw_series(count: int) -> np.ndarray:
    """Float32, (count, 12, 3): sines of several paces about the means."""
    random = np.random.default_rng(0)
    waves = np.sin(np.arange(12) * random.uniform(0.2, 1, (count, 1)))[..., None]
    noise = random.normal(0, 0.5, (count, 12, 3))
    return ((waves + noise) * SERIES.std + SERIES.mean).astype(np.float32)


def request(path: Path, precision: str, model: Any = None, **asked: Any) -> ExportRequest:
    calibrated = precision_named(precision).calibrated
    return ExportRequest(
        model=model,
        path=path,
        precision=precision,
        input_name=SERIES.input_name,
        output_names=TASK.output_names,
        integer_input=False,
        axes=SERIES.axes,
        **{"calibration": raw_series(60) if calibrated else None, **asked},
    )


@pytest.mark.slow
def test_files_normalize_large_offsets_and_what_is_changed_in_them_is_refused(
    tmp_path: Path,
) -> None:
    import keras

    keras.utils.set_random_seed(1)
    given = keras.Input(SERIES.input_shape)
    inner = keras.layers.Conv1D(8, 3, activation="relu")(given)
    head = keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(0, 1.0))
    network = keras.Model(given, head(keras.layers.GlobalAveragePooling1D()(inner)))
    raw = raw_series(100)[60:]
    exact = ((raw.astype(np.float64) - SERIES.mean) / SERIES.std).astype(np.float32)
    wanted = np.asarray(keras.ops.softmax(network(exact)))
    model = deployed_model(network, SERIES, TASK)
    many = deployed_model(network, SERIES, TASK, batch=None)
    known = LeadingResults.of(many, raw[:4], SERIES.graph_dtype)
    for format, name, moved in CELLS:
        exporter, precision = FORMATS[format], precision_named(name)
        path = tmp_path / f"{name}{exporter.suffix}"
        exporter.export(request(path, name, model))
        found = check_normalization(exporter, path, SERIES, precision, raw[:16])
        assert (found.kind, found.check.passed) == ("formula", True), (format, name, found.check)
        answers = answers_of(path, raw).reshape(wanted.shape)
        assert np.abs(answers - wanted).max() < moved, (format, name)
        mutants = 0
        for mutant, changed in arithmetic_mutants(path):
            found = check_normalization(exporter, changed, SERIES, precision, raw[:16], known)
            assert not found.check.passed, (format, name, mutant, found.check)
            mutants += 1
        assert mutants >= 4


@pytest.mark.parametrize("shared", [False, True])
def test_onnx_files_halve_all_but_the_normalization(shared: bool) -> None:
    import onnx
    import onnxruntime

    helper, array = onnx.helper, onnx.numpy_helper
    nodes = [
        helper.make_node("Sub", ["raw", "means"], ["centred"], name="a"),
        helper.make_node("Mul", ["centred", "factors"], ["normal"], name="b"),
        helper.make_node("MatMul", ["normal", "weights"], ["product"], name="c"),
        helper.make_node("Mul", ["product", "factors"], ["scaled"], name="d"),
        helper.make_node("Softmax", ["scaled" if shared else "product"], ["made"], name="e"),
    ]
    constants = {
        "means": np.float32(SERIES.mean),
        "factors": np.float32(1 / np.float64(SERIES.std)) if not shared else np.float32([2, 3, 5]),
        "weights": np.eye(3, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes if shared else [n for n in nodes if n.name != "d"],
        "g",
        [helper.make_tensor_value_info("raw", 1, (1, 12, 3))],
        [helper.make_tensor_value_info("made", 1, (1, 12, 3))],
        [array.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    halved = to_float16(model)
    onnx.checker.check_model(halved, full_check=True)
    types = {t.name: array.to_array(t).dtype.name for t in halved.graph.initializer}
    assert types["means"] == "float32"
    assert types["weights"] == "float16"
    assert [value.name for value in halved.graph.input] == ["raw"]
    raw = raw_series(1)
    product = (raw.astype(np.float64) - SERIES.mean) * constants["factors"]
    product = product * constants["factors"] if shared else product
    wanted = np.exp(product) / np.exp(product).sum(-1, keepdims=True)
    session = onnxruntime.InferenceSession(halved.SerializeToString())
    assert np.abs(session.run(None, {"raw": raw})[0] - wanted).max() < 5e-3


def test_integer_inputs_without_steps_for_a_channel_are_refused(tmp_path: Path) -> None:
    target = REGISTRY.targets.get("mcu")
    path = tmp_path / "int8.tflite"
    with pytest.raises(Unsupported) as refused:
        check_integer_input(request(path, "int8", target=target))
    assert "channel 0, from 101,3" in str(refused.value)
    assert "subtract a constant" in refused.value.fix
    check_integer_input(request(path, "int8"))  # takes real numbers
    near = raw_series(60) - np.float32(SERIES.mean)
    small = near[..., :1] + np.float32(30)
    check_integer_input(request(path, "int8", target=target, calibration=small))
    with pytest.raises(Unsupported, match="channel 1"):  # of another scale
        check_integer_input(request(path, "int8", target=target, calibration=near))
    whole = np.random.default_rng(0).integers(0, 256, (60, 12, 3)).astype(np.float32)
    whole[0, 0, 2] = 255
    whole[..., 1] %= 2  # a single step, which is a number of the input
    check_integer_input(request(path, "int8", target=target, calibration=whole))


def test_a_trained_range_behind_what_computes_nothing_is_kept(tmp_path: Path) -> None:
    import onnx

    helper = onnx.helper
    nodes = [
        helper.make_node("Add", ["raw", "offset"], ["centred"], name="a"),
        helper.make_node("Mul", ["centred", "one"], ["product"], name="b"),
        helper.make_node("Add", ["product", "zero"], ["normal"], name="c"),
        helper.make_node("QuantizeLinear", ["normal", "scale", "point"], ["integers"], name="d"),
        helper.make_node("DequantizeLinear", ["integers", "scale", "point"], ["rounded"], name="e"),
        helper.make_node("MatMul", ["rounded", "weights"], ["made"], name="f"),
    ]
    constants = {
        "offset": np.float32([-1e6] * 3),
        "one": np.float32(1),
        "zero": np.float32(0),
        "scale": np.float32(0.03125),
        "point": np.uint8(128),
        "weights": np.eye(3, dtype=np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("raw", 1, (1, 12, 3))],
        [helper.make_tensor_value_info("made", 1, (1, 12, 3))],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    near = (raw_series(4) - np.float32(SERIES.mean)) / np.float32(SERIES.std) + np.float32(1e6)
    written = with_trained_ranges(model, request(tmp_path / "f", "int8", calibration=near))
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in written.graph.initializer}
    first = next(n for n in written.graph.node if n.op_type == "QuantizeLinear")
    assert stored[first.input[1]] == pytest.approx(0.03125), "the trained step, not a measured one"
