"""Networks that hold infinity or NaN, in files of integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import FORMATS, answers_of, decibels

from zoo.common.errors import Unsupported
from zoo.contracts import ExportRequest
from zoo.contracts.precision import precision_named
from zoo.exporters.quantization.histograms import Histogram
from zoo.exporters.shared.layer_mapping import Operator
from zoo.exporters.shared.not_finite import not_finite, refuse_weights, stay_in_float

SAMPLES = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)


def network(kind: str = "", inner: int = 32) -> Any:
    """Two dense layers and a softmax, one of whose values is broken."""
    import keras

    keras.utils.set_random_seed(3)
    layers, ops = keras.layers, keras.ops
    given = keras.Input((8,), batch_size=1, name="x")
    hidden = layers.Dense(inner, activation="relu", name="first")(given)
    last = layers.Dense(inner, name="last", bias_initializer="ones")
    made = last(hidden)
    kernel, bias = (np.array(value) for value in last.get_weights())
    broken = {"nan": np.nan, "kernel": np.inf}.get(kind, kernel[0, 0])
    kernel[0, 0] = broken
    bias[1] = -np.inf if kind == "bias" else 1
    last.set_weights([kernel, bias])
    if kind == "computed":
        made = ops.log(ops.relu(made))
    if kind == "largest":
        made = ops.where(made > 0, made, float(np.finfo(np.float32).min))
    return keras.Model(given, layers.Softmax(name="probabilities")(made))


def written(model: Any, format: str, precision: str, folder: Path) -> tuple[Path, Any]:
    exporter = FORMATS[format]
    path = folder / f"net{exporter.suffix}"
    told = exporter.export(
        ExportRequest(
            model=model,
            path=path,
            precision=precision,
            input_name="x",
            output_names=("answers",),
            integer_input=False,
            calibration=SAMPLES if precision_named(precision).calibrated else None,
        )
    )
    return path, told


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["bias", "computed", "largest"])
def test_what_is_infinite_stays_in_float(kind: str, format: str, tmp_path: Path) -> None:
    """ONNX Runtime's tool failed on "scale issue", and TensorFlow's crashed, or lost the rest."""
    model = network(kind)
    path, told = written(model, format, "int8", tmp_path)
    assert "probabilities" in told.kept
    assert "first" not in told.kept
    assert "values there are infinite or NaN" in told.remarks[0]
    assert FORMATS[format].inspect(path).integer_share > 0
    wanted = np.concatenate([np.asarray(model(one[None])) for one in SAMPLES[:8]])
    assert decibels(wanted, answers_of(path, SAMPLES[:8])) > 20


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("precision", ["int8", "dynamic-int8", "int4-weights"])
@pytest.mark.parametrize(("kind", "said"), [("nan", "are NaN"), ("kernel", "are infinite")])
def test_weights_that_no_integers_hold_are_named(
    kind: str, said: str, precision: str, format: str, tmp_path: Path
) -> None:
    with pytest.raises(Unsupported, match=rf"'last' cannot be {precision}: 1 of .* kernel {said}"):
        written(network(kind), format, precision, tmp_path)


def test_16_bits_keep_nothing_in_float(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"'last' cannot be int16x8: .* bias are infinite"):
        written(network("bias"), "tflite", "int16x8", tmp_path)
    with pytest.raises(Unsupported, match=r"cannot be int16x8: .* holds infinity") as caught:
        written(network("computed"), "tflite", "int16x8", tmp_path)
    assert "choose the precision int8" in str(caught.value.fix)


def test_finite_weights_are_not_refused() -> None:
    for precision in ("int8", "int16x8", "dynamic-int8"):
        refuse_weights(network(), precision)
    refuse_weights(network("bias"), "dynamic-int8")  # which holds biases in float


def test_a_network_of_which_nothing_is_left_is_refused() -> None:
    model = network()
    chain = [
        Operator(key="a/first/MatMul", kind="X", names=("a/first/MatMul",), reads=(), makes=("h",)),
        Operator(key="a/last/Add", kind="X", names=("a/last/Add",), reads=("h",), makes=("y",)),
    ]
    held, broken = Histogram(), Histogram()
    held.add(SAMPLES)
    broken.add(np.array([0, np.nan], np.float32))
    assert not_finite([("h", held)]) == set()
    assert stay_in_float(not_finite([("h", held)]), chain, model, ["X"]) == ([], (), ())
    assert stay_in_float(not_finite([("y", broken)]), chain, model, ["X"])[:2] == (
        ["a/last/Add"],
        ("last",),
    )
    with pytest.raises(Unsupported, match="values in the layers first, last are NaN or") as caught:
        stay_in_float(not_finite([("h", broken)]), chain, model, ["X"])
    assert "are in 'h'" in str(caught.value.why)
    assert "30 below" in str(caught.value.fix)
