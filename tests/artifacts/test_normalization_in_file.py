"""The normalization is measured in each file: what a file computes otherwise is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

from hand_made_onnx import onnx_file
from normalization_mutants import MUTANTS, mutate, scale_first_weights
from tiny_networks import CELLS, FORMATS, ONNX, REGISTRY, TFLITE

from zoo.artifacts.built_inputs import built_inputs
from zoo.artifacts.normalization_in_file import (
    NormalizationFinding,
    check_normalization,
)
from zoo.contracts import (
    Exporter,
    ExportRequest,
    ImagePreprocessing,
    LatentPreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    TokenPreprocessing,
)
from zoo.contracts.network_entry import EntryTensor, NetworkEntry
from zoo.contracts.precision import precision_named
from zoo.networks.building import deployed_model
from zoo.networks.leading_layers import LeadingResult, LeadingResults

COLOURS = ImagePreprocessing(
    height=8, width=8, channels=3, mean=(0.48, 0.45, 0.2), std=(0.2, 0.25, 0.3)
)
#: Converters fold it into a convolution behind it.
SCALED = replace(COLOURS, mean=(0.0,) * 3, std=(1.0,) * 3)
#: So they do with this one, in front of convolutions without padding.
GREY = replace(COLOURS, channels=1, mean=(0.3,), std=(0.35,))


def network(preprocessing: ImagePreprocessing, *, normalized: bool = False) -> Any:
    """A convolution and a head, untrained; or with a batch normalization in front."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    given = keras.Input(preprocessing.network_shape)
    own = layers.BatchNormalization(
        moving_mean_initializer=keras.initializers.Constant(0.3),
        moving_variance_initializer=keras.initializers.Constant(2.0),
    )
    inner = layers.Conv2D(4, 3, padding="same", activation="relu")(
        own(given) if normalized else given
    )
    outputs = layers.Dense(10, name="head")(layers.GlobalAveragePooling2D()(inner))
    return keras.Model(given, outputs)


def export(
    exporter: Exporter, model: Any, preprocessing: Preprocessing, precision: str, folder: Path
) -> Path:
    task = REGISTRY.tasks.get("image-classification")
    path = folder / f"{precision}{exporter.suffix}"
    calibrated = precision_named(precision).calibrated
    exporter.export(
        ExportRequest(
            model=deployed_model(model, preprocessing, task),
            path=path,
            precision=precision,
            calibration=built_inputs(preprocessing, 8).astype(np.float32) if calibrated else None,
            input_name=preprocessing.input_name,
            output_names=task.output_names,
            integer_input=True,
            axes=preprocessing.axes,
        )
    )
    return path


def leading(model: Any, preprocessing: Preprocessing) -> LeadingResults:
    task = REGISTRY.tasks.get("image-classification")
    deployed = deployed_model(model, preprocessing, task, batch=None)
    return LeadingResults.of(deployed, built_inputs(preprocessing, 4), preprocessing.graph_dtype)


def measured(
    path: Path, preprocessing: Preprocessing, known: LeadingResults | None = None
) -> NormalizationFinding:
    exporter = ONNX if path.suffix == ".onnx" else TFLITE
    precision = precision_named(path.stem if path.stem != "mutant" else "int8")
    none = np.empty((0, *preprocessing.input_shape), preprocessing.dtype)
    return check_normalization(exporter, path, preprocessing, precision, none, known)


@pytest.mark.slow
@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_what_the_file_computes_is_measured(format: str, precision: str, tmp_path: Path) -> None:
    model = network(COLOURS)
    path = export(FORMATS[format], model, COLOURS, precision, tmp_path)
    known = leading(model, COLOURS)
    found = measured(path, COLOURS)
    assert (found.kind, found.check.passed) == ("formula", True), found.check
    for mutant in MUTANTS:
        found = measured(mutate(path, mutant), COLOURS, known)
        assert (found.kind, found.check.passed) == ("unknown", False), (mutant, found.check)
        assert found.check.reason


@pytest.mark.slow
def test_what_is_folded_into_a_layer_is_held_to_the_network(tmp_path: Path) -> None:
    model = network(SCALED)
    known = leading(model, SCALED)
    for precision in ("float32", "int8"):
        path = export(TFLITE, model, SCALED, precision, tmp_path)
        found = measured(path, SCALED, known)
        assert (found.kind, found.check.passed) == ("network", True), found.check
        assert "folded into" in found.check.value
        assert measured(path, SCALED).kind == "unknown", "without the network nobody knows"
        found = measured(scale_first_weights(path), SCALED, known)
        assert (found.kind, found.check.passed) == ("unknown", False), found.check


def branches() -> Any:
    """Three layers that read the input, two of which have an activation of several operators."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    given = keras.Input(GREY.network_shape)
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D()(given))
    inner = layers.Multiply()(
        [
            layers.Conv2D(4, 3, activation="swish")(given),
            layers.SeparableConv2D(4, 3, activation="swish")(given),
            layers.Reshape((1, 1, 4))(gate),
        ]
    )
    return keras.Model(given, layers.Dense(10, name="head")(layers.Flatten()(inner)))


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_what_is_folded_into_some_layers_alone_is_held_to_the_network(
    precision: str, tmp_path: Path
) -> None:
    model = branches()
    known = leading(model, GREY)
    path = export(TFLITE, model, GREY, precision, tmp_path)
    found = measured(path, GREY, known)
    assert (found.kind, found.check.passed) == ("network", True), found.check
    assert measured(path, GREY).check.reason.endswith(", behind nothing")
    found = measured(scale_first_weights(path), GREY, known)
    assert (found.kind, found.check.passed) == ("unknown", False), found.check
    for mutant in [m for m in MUTANTS if m != "channels swapped"]:
        found = measured(mutate(path, mutant), GREY, known)
        assert (found.kind, found.check.passed) == ("unknown", False), (mutant, found.check)


@pytest.mark.slow
def test_layers_of_the_network_that_scale_are_told_from_the_normalization(tmp_path: Path) -> None:
    model = network(COLOURS, normalized=True)
    known = leading(model, COLOURS)
    path = export(ONNX, model, COLOURS, "float32", tmp_path)
    found = measured(path, COLOURS, known)
    assert (found.kind, found.check.passed) == ("network", True), found.check
    assert "behind batch_normalization" in found.check.value
    for mutant in MUTANTS:
        assert not measured(mutate(path, mutant), COLOURS, known).check.passed, mutant


SERIES = SeriesPreprocessing(steps=4, channels=2, mean=(1.0, 20.0), std=(2.0, 5.0))


def series_file(folder: Path, *between: Any, reads: str = "normal", **constants: Any) -> Path:
    """`SERIES` normalized, further nodes from ``normal`` on, and a layer that reads."""
    from onnx import helper

    scale = {"factors": np.float32([0.5, 0.2]), "offsets": np.float32([-0.5, -4.0])}
    nodes = [
        helper.make_node("Mul", ["raw", "factors"], ["product"]),
        helper.make_node("Add", ["product", "offsets"], ["normal"]),
        *between,
        helper.make_node("MatMul", [reads, "weights"], ["made"]),
    ]
    given = {**scale, "weights": np.eye(2, dtype=np.float32), **constants}
    return onnx_file(folder, nodes, given, (4, 2))


def test_a_graph_made_by_hand_passes(tmp_path: Path) -> None:
    found = measured(series_file(tmp_path), SERIES)
    assert (found.kind, found.check.passed) == ("formula", True)
    assert found.check.value.endswith("in the file on 16 inputs")


def test_each_branch_must_read_what_the_record_says(tmp_path: Path) -> None:
    from onnx import helper

    branch = [
        helper.make_node("Mul", ["normal", "nine"], ["less"]),
        helper.make_node("MatMul", ["less", "weights"], ["beside"]),
    ]
    found = measured(series_file(tmp_path, *branch, nine=np.float32(0.9)), SERIES)
    assert not found.check.passed
    assert "less, behind Mul, Add, Mul" in found.check.reason


@pytest.mark.parametrize("factor", [1.0, 0.9])
def test_each_copy_of_an_input_is_what_the_record_says(factor: float, tmp_path: Path) -> None:
    from onnx import helper

    copies = [
        helper.make_node("Mul", ["normal", "factor"], ["changed"]),
        helper.make_node("Concat", ["normal", "changed"], ["twice"], axis=2),
        helper.make_node("MatMul", ["twice", "wide"], ["beside"]),
    ]
    wide, own = np.zeros((4, 2), np.float32), np.float32(factor)
    found = measured(series_file(tmp_path, *copies, factor=own, wide=wide), SERIES)
    assert found.check.passed == (factor == 1.0)


@pytest.mark.parametrize(("step", "passed"), [(0.02, True), (0.018, False)])
def test_the_scale_that_is_written_must_be_the_one_that_is_read(
    step: float, passed: bool, tmp_path: Path
) -> None:
    from onnx import helper

    pair = [
        helper.make_node("QuantizeLinear", ["normal", "step", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "other", "zero"], ["real"]),
    ]
    path = series_file(
        tmp_path,
        *pair,
        reads="real",
        step=np.float32(0.02),
        other=np.float32(step),
        zero=np.int8(0),
    )
    found = measured(path, SERIES)
    assert found.check.passed == passed
    assert "integer steps of 0.02" in found.check.limit


def test_axes_are_followed_through_transpositions_and_padding(tmp_path: Path) -> None:
    from onnx import helper

    moved = [
        helper.make_node("Transpose", ["normal"], ["turned"], perm=[2, 0, 1]),
        helper.make_node("Reshape", ["turned", "sides"], ["flat"]),
        helper.make_node("Pad", ["flat", "pads"], ["wide"]),
        helper.make_node("Transpose", ["wide"], ["back"], perm=[1, 0]),
    ]
    constants = {"sides": np.int64([2, 4]), "pads": np.int64([0, 1, 0, 2])}
    assert measured(series_file(tmp_path, *moved, reads="back", **constants), SERIES).check.passed


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    from onnx import helper

    root = helper.make_node("Sqrt", ["normal"], ["root"])
    assert not measured(series_file(tmp_path, root, reads="root"), SERIES).check.passed


@pytest.mark.parametrize("added", [0, 1])
def test_word_numbers_and_noise_arrive_unchanged(added: int, tmp_path: Path) -> None:
    from onnx import helper

    tokens = TokenPreprocessing(length=4, size=9, vocabulary=("a", "b"))
    look = [
        helper.make_node("Add", ["raw", "one"], ["number"]),
        helper.make_node("Gather", ["table", "number" if added else "raw"], ["made"]),
    ]
    constants = {"one": np.int32(1), "table": np.zeros((9, 3), np.float32)}
    assert (
        measured(onnx_file(tmp_path, look, constants, (4,), "int32"), tokens).check.passed != added
    )
    image = ImagePreprocessing(height=8, width=8, channels=1)
    noise = LatentPreprocessing(size=4, examples=image, judge="lenet5.fashion_mnist")
    read = [
        helper.make_node("Mul", ["raw", "factor"], ["more"]),
        helper.make_node("MatMul", ["more", "weights"], ["made"]),
    ]
    constants = {"factor": np.float32(1 + added / 10), "weights": np.eye(4, dtype=np.float32)}
    assert measured(onnx_file(tmp_path, read, constants, (4,)), noise).check.passed != added


def test_a_format_without_inner_tensors_has_none_to_measure(tmp_path: Path) -> None:
    blind = replace(ONNX, network_entry=None)
    raw = built_inputs(SERIES, 2)
    path = tmp_path / "float32.onnx"
    found = check_normalization(blind, path, SERIES, precision_named("float32"), raw)
    assert (found.kind, found.check.passed) == ("none", True)
    assert found.check.value == "none to measure: the format onnx shows no inner tensors"


def held_to(values: np.ndarray, *layers: tuple[str, np.ndarray], step: float = 0.0) -> bool:
    """Whether a file whose first layer reads these values passes, by what the network computed."""
    kept = tuple(
        LeadingResult(
            layer=name,
            shape=result.shape[1:],
            places=np.arange(result[0].size),
            values=result.reshape(len(result), -1).astype(np.float32),
        )
        for name, result in layers
    )
    known = LeadingResults(inputs=OFFSET_RAW, results=kept)
    entry = NetworkEntry(
        tensors=(
            EntryTensor(name="t", values=values[..., None], operators=("Sub",), input_step=step),
        )
    )
    shown = replace(ONNX, network_entry=lambda path, inputs, results: entry)
    # None of these values belong to the built inputs: only the network is left to compare with.
    found = check_normalization(
        shown, Path("f"), OFFSET_SERIES, precision_named("int8"), OFFSET_RAW[:0], known
    )
    return found.check.passed


OFFSET_SERIES = SeriesPreprocessing(steps=5, channels=2, mean=(1e5, 0.0), std=(3.0, 1.0))
OFFSET_RAW = np.float32(
    np.random.default_rng(3).normal(0, 1, (4, 5, 2)) * OFFSET_SERIES.std + OFFSET_SERIES.mean
)


def test_a_part_of_the_normalization_is_not_held_to_itself() -> None:
    centred = OFFSET_RAW.astype(np.float64) - OFFSET_SERIES.mean
    normal = centred / OFFSET_SERIES.std
    own = np.tanh(normal)
    layers = ("centred", centred), ("normalization", normal), ("own", own)
    assert held_to(own, *layers)
    assert not held_to(centred, *layers), "the product is missing"
    assert not held_to(own * 0.9, *layers)


def test_no_integer_step_explains_a_lost_signal() -> None:
    normal = (OFFSET_RAW.astype(np.float64) - OFFSET_SERIES.mean) / OFFSET_SERIES.std
    own = np.tanh(normal)
    assert held_to(own + 0.01, ("own", own), step=0.1)
    assert not held_to(np.zeros_like(own), ("own", own), step=400.0)
