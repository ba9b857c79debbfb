"""TFLite files of pruned networks store their zeros sparsely, and compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.contracts import ExportRequest
from zoo.contracts.options import declared_options
from zoo.registry import PluginSettings, load_registry

for module in ("tensorflow", "ai_edge_litert"):
    pytest.importorskip(module)

TFLITE = load_registry(PluginSettings(installed=False)).exporters.get("tflite")


@pytest.fixture(scope="module")
def pruned() -> Any:
    """A dense network with nine tenths of its weights at zero."""
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((64,), batch_size=1, name="values")
    x = keras.layers.Dense(128, activation="relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(4, name="head")(x))
    kernel = model.get_layer("hidden").kernel
    weights = np.asarray(kernel)
    kernel.assign(np.where(np.abs(weights) > np.quantile(np.abs(weights), 0.9), weights, 0))
    return model


def written(model: Any, path: Path, precision: str, sparse: bool) -> bytes:
    TFLITE.export(
        ExportRequest(
            model=model,
            path=path,
            precision=precision,
            calibration=None,
            input_name="values",
            output_names=("logits",),
            integer_input=False,
            options={"sparse": sparse},
        )
    )
    return path.read_bytes()


def answers(data: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    given = np.random.default_rng(0).normal(size=(1, 64)).astype("float32")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], given)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_zeros_take_little_room_and_change_nothing(
    pruned: Any, tmp_path: Path, precision: str
) -> None:
    whole = written(pruned, tmp_path / "whole.tflite", precision, sparse=False)
    thin = written(pruned, tmp_path / "thin.tflite", precision, sparse=True)
    assert len(thin) < 0.6 * len(whole)
    assert np.array_equal(answers(whole), answers(thin))
    contents = TFLITE.inspect(tmp_path / "thin.tflite")
    assert contents.float_operators == TFLITE.inspect(tmp_path / "whole.tflite").float_operators


def test_what_the_runtime_would_refuse_is_written_as_ever(pruned: Any, tmp_path: Path) -> None:
    whole = written(pruned, tmp_path / "whole.tflite", "dynamic-int8", sparse=False)
    asked = written(pruned, tmp_path / "asked.tflite", "dynamic-int8", sparse=True)
    assert len(asked) == len(whole)
    assert np.array_equal(answers(whole), answers(asked))


def test_wrong_options_are_refused() -> None:
    assert declared_options(TFLITE.options, {}, "the format tflite") == {"sparse": False}
    for wrong in ({"sparse": 1}, {"sparce": True}):
        with pytest.raises(UsageError, match="spars"):
            declared_options(TFLITE.options, wrong, "the format tflite")
