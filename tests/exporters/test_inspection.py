"""Reading files back: what is counted, and what must be noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.artifacts.free_shapes import static_shapes
from zoo.artifacts.gate import stock_operators
from zoo.contracts import ExportRequest
from zoo.networks.building import build_network, deployed_model
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
TFLITE = REGISTRY.exporters.get("tflite")
ONNX = REGISTRY.exporters.get("onnx")


@pytest.fixture(scope="module")
def network() -> Any:
    import keras

    architecture, variant = REGISTRY.variant("lenet5")
    keras.utils.set_random_seed(5)
    return deployed_model(
        build_network(architecture, variant, 10),
        variant.preprocessing,
        REGISTRY.tasks.get(variant.task),
    )


def write(exporter: Any, model: Any, path: Path, calibration: Any = None) -> Path:
    exporter.export(
        ExportRequest(
            model=model,
            path=path,
            precision="float32" if calibration is None else "int8",
            calibration=calibration,
            input_name="pixels",
            output_names=("probabilities",),
            integer_input=True,
        )
    )
    return path


def dim_images() -> np.ndarray:
    """No pixel above 100: their range alone would give the input another scale."""
    return np.random.default_rng(0).integers(0, 100, (40, 28, 28, 1)).astype(np.float32)


def test_integer_tflite_takes_bytes_as_they_are(network: Any, tmp_path: Path) -> None:
    contents = TFLITE.inspect(write(TFLITE, network, tmp_path / "a.tflite", dim_images()))
    (pixels,) = contents.inputs
    assert (pixels.dtype, pixels.scale, pixels.zero_point) == ("uint8", 1.0, 0)
    (probabilities,) = contents.outputs
    assert (probabilities.dtype, probabilities.scale) == ("uint8", 1 / 256)
    assert contents.float_operators == 0
    assert contents.integer_share == 1.0
    assert contents.operators["CONV_2D"] == 2
    assert contents.operators["FULLY_CONNECTED"] == 3


def test_calibration_data_is_left_as_it_was(network: Any, tmp_path: Path) -> None:
    images = dim_images()
    write(TFLITE, network, tmp_path / "a.tflite", images)
    np.testing.assert_array_equal(images, dim_images())


def test_integer_files_are_about_a_quarter_of_the_float_ones(network: Any, tmp_path: Path) -> None:
    for exporter in (TFLITE, ONNX):
        plain = exporter.inspect(write(exporter, network, tmp_path / f"f{exporter.suffix}"))
        small = exporter.inspect(
            write(exporter, network, tmp_path / f"i{exporter.suffix}", dim_images())
        )
        assert plain.integer_operators == 0
        assert 3.7 < plain.weight_bytes / small.weight_bytes < 4.1


def test_quantized_onnx_normalizes_in_float_and_nothing_else(network: Any, tmp_path: Path) -> None:
    """ONNX Runtime's integer multiplication and addition would be slower."""
    contents = ONNX.inspect(write(ONNX, network, tmp_path / "a.onnx", dim_images()))
    assert contents.float_islands == ("Mul", "Add")
    assert contents.conversions == (
        contents.operators["QuantizeLinear"] + contents.operators["DequantizeLinear"]
    )


def test_float_islands_are_named(tmp_path: Path) -> None:
    """The classic network's tanh stays float in ONNX, and the count says so."""
    architecture, variant = REGISTRY.variant("lenet5")
    classic = {"activation": "tanh", "subsampling": "average"}
    model = deployed_model(
        build_network(architecture, variant, 10, classic),
        variant.preprocessing,
        REGISTRY.tasks.get(variant.task),
    )
    contents = ONNX.inspect(write(ONNX, model, tmp_path / "a.onnx", dim_images()))
    assert "Tanh" in contents.float_islands
    assert 0 < contents.integer_share < 1


def test_flex_operators_are_noticed(tmp_path: Path) -> None:
    import tensorflow as tf

    function = tf.function(tf.linalg.inv, [tf.TensorSpec((3, 3), tf.float32, name="x")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    contents = TFLITE.inspect(path)
    assert contents.custom_operators == ("FlexMatrixInverse",)
    check = stock_operators(contents)
    assert not check.passed
    assert "FlexMatrixInverse" in check.reason


def test_symbolic_shapes_are_noticed(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    path = tmp_path / "dynamic.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    contents = TFLITE.inspect(path)
    assert contents.dynamic_tensors
    assert not static_shapes(contents).passed


def test_work_of_free_sizes_is_not_counted(tmp_path: Path) -> None:
    """The shapes inside such a file are those of no input."""
    from free_sizes import resizable_tflite

    path = tmp_path / "net.tflite"
    path.write_bytes(resizable_tflite())
    contents = TFLITE.inspect(path)
    assert contents.inputs[0].shape == (1, -1, -1, 3)
    assert not contents.multiply_adds


def test_foreign_domains_and_symbolic_shapes_of_onnx_are_noticed(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    node = helper.make_node("Secret", ["x"], ["y"], domain="com.example")
    model = helper.make_model(
        helper.make_graph([node], "g", [value], [result]),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)],
    )
    path = tmp_path / "foreign.onnx"
    onnx.save(model, str(path))
    contents = ONNX.inspect(path)
    assert contents.custom_operators == ("com.example:Secret",)
    assert contents.dynamic_tensors == ("x", "y")
    assert contents.inputs[0].shape == (-1, 4)
