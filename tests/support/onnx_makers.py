"""Small ONNX models, written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import SURE, class_means

onnx = pytest.importorskip("onnx")
for _needed in ("onnxruntime", "tensorflow"):
    pytest.importorskip(_needed)
helper = onnx.helper

RANDOM = np.random.default_rng(0)


def values(*shape: int, low: float = -1.0, high: float = 1.0) -> Any:
    """Random float32 numbers."""
    return RANDOM.uniform(low, high, shape).astype(np.float32)


def node(kind: str, *inputs: str, out: str | Sequence[str] = "", **attributes: Any) -> Any:
    """An operator; its only result is named after it unless `out` says otherwise."""
    outputs = [out or kind.lower()] if isinstance(out, str) else list(out)
    domain = attributes.pop("domain", "")
    return helper.make_node(kind, list(inputs), outputs, domain=domain, **attributes)


def model_of(
    nodes: Sequence[Any],
    shape: Sequence[int | str],
    constants: Mapping[str, Any] | None = None,
    *,
    opset: int = 18,
    out: str = "",
    dtype: int = onnx.TensorProto.FLOAT,
    metadata: Mapping[str, str] | None = None,
) -> Any:
    """A model with the input ``x``; its output is the last operator's."""
    name = out or nodes[-1].output[0]
    graph = helper.make_graph(
        list(nodes),
        "network",
        [helper.make_tensor_value_info("x", dtype, list(shape))],
        [helper.make_tensor_value_info(name, dtype, None)],
        [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )
    domains = {one.domain for one in nodes} | {""}
    imports = [helper.make_opsetid(one, opset if not one else 1) for one in sorted(domains)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    return model


def nearest_mean(size: tuple[int | str, int | str] = (8, 8), **options: Any) -> Any:
    """A classifier of the digits from pixels of 0 to 1, channels first, that is right untrained."""
    means = class_means()
    constants = {
        "kernel": (2 * SURE * means.T).astype(np.float32),
        "bias": (-SURE * (means**2).sum(1)).astype(np.float32),
    }
    nodes = [
        node("Flatten", "x"),
        node("Gemm", "flatten", "kernel", "bias"),
        node("Softmax", "gemm", axis=1),
    ]
    return model_of(nodes, ("batch", 1, *size), constants, **options)


def saved(path: Path, model: Any) -> Path:
    """Writes a model."""
    path.write_bytes(model.SerializeToString())
    return path


def i(*numbers: int) -> Any:
    """Whole numbers, as shapes and indices are."""
    return np.asarray(numbers, np.int64)
