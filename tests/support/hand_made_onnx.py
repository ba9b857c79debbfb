"""ONNX files of nodes that a test writes down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def onnx_file(
    folder: Path,
    nodes: list[Any],
    constants: dict[str, Any],
    shape: tuple[int, ...],
    kind: str = "float32",
) -> Path:
    """A file whose input is ``raw`` and whose output is ``made``, of the input's shape or flat."""
    import onnx

    helper = onnx.helper
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("raw", dtype, (1, *shape))],
        [helper.make_empty_tensor_value_info("made")],
        [onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "float32.onnx"
    onnx.save(model, str(path))
    return path
