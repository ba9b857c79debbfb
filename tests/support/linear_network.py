"""A network so small that a test can compute it: pixels · WEIGHTS + BIAS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SIDE = 4
WEIGHTS = np.random.default_rng(0).normal(size=(SIDE * SIDE, 10)).astype(np.float32)
BIAS = np.random.default_rng(1).normal(size=10).astype(np.float32)


def linear_onnx(path: Path, *, domain: str = "") -> Path:
    """An ONNX file of that network, without a manifest."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "bias"], ["scores"], domain=domain),
        ],
        "linear",
        [helper.make_tensor_value_info("pixels", kind, [1, SIDE, SIDE, 1])],
        [helper.make_tensor_value_info("scores", kind, [1, 10])],
        [
            onnx.numpy_helper.from_array(WEIGHTS, "weights"),
            onnx.numpy_helper.from_array(BIAS, "bias"),
        ],
    )
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
    return path
