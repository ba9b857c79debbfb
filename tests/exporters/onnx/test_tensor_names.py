"""What the quantizer adds to an ONNX graph gets short names; layers keep theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.exporters.onnx.tensor_names import shorten


def small_graph() -> Any:
    """x, quantized and back, times a quantized weight, plus a quantized bias."""
    from onnx import TensorProto, helper, numpy_helper

    def pair(kind: str, source: str, result: str) -> Any:
        ends = [f"{source}_long_scale", f"{source}_long_zero"]
        return helper.make_node(kind, [source, *ends], [result], name=f"{source}_{kind}")

    arrays = {"w/layer_quantized": np.ones((2, 2), np.int8), "bias_quantized": np.ones(2, np.int32)}
    zeros = {"x": np.uint8(0), "x_QuantizeLinear_Output": np.uint8(0), **arrays}
    for name, like in zeros.items():
        arrays[f"{name}_long_scale"] = np.array(0.5, np.float32)
        arrays[f"{name}_long_zero"] = np.array(0, np.asarray(like).dtype)
    nodes = [
        pair("QuantizeLinear", "x", "x_QuantizeLinear_Output"),
        pair("DequantizeLinear", "x_QuantizeLinear_Output", "x_DequantizeLinear_Output"),
        pair("DequantizeLinear", "w/layer_quantized", "w/layer_DequantizeLinear_Output"),
        pair("DequantizeLinear", "bias_quantized", "bias"),
        helper.make_node(
            "Gemm",
            ["x_DequantizeLinear_Output", "w/layer_DequantizeLinear_Output", "bias"],
            ["y"],
            name="layer/MatMul",
        ),
    ]
    sides = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in "xy"]
    graph = helper.make_graph(
        nodes, "g", sides[:1], sides[1:], [numpy_helper.from_array(v, n) for n, v in arrays.items()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_same_answers_under_shorter_names() -> None:
    import onnx
    import onnxruntime

    def answer(model: Any) -> Any:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        return session.run(None, {"x": np.array([[1.0, 7.0]], np.float32)})[0]

    model = small_graph()
    expected, before = answer(model), model.ByteSize()
    shorten(model.graph)
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_array_equal(answer(model), expected)
    assert model.ByteSize() < 0.8 * before
    constants = [tensor.name for tensor in model.graph.initializer]
    assert len(set(constants)) == len(constants)
    # The weight and the operator still tell their layer.
    assert "w/layer_quantized" in constants
    assert model.graph.node[-1].name == "layer/MatMul"
