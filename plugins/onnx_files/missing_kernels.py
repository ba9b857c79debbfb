"""Operators that ONNX Runtime cannot compute, as errors that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from zoo.common.errors import BadFile, Unsupported, ZooError, first_line
from zoo.common.optional_imports import require

_MISSING = re.compile(r"Could not find an implementation for (\w+)\(\d+\) node with name '(.*?)'")


def not_opened(model: Any, origin: str, error: Exception, *, of_one: bool = False) -> ZooError:
    """The error of a model that ONNX Runtime does not open.

    Args:
        model: The `ModelProto`.
        origin: Names the file in messages.
        error: What ONNX Runtime raised.
        of_one: Whether it was opened for a batch of one.
    """
    version = f"ONNX Runtime {require('onnxruntime').__version__}"
    told = first_line(error)
    missing = _MISSING.search(told)
    if missing is None:
        return BadFile(
            f"{origin} cannot be opened by {version}" + " for a batch of one" * of_one,
            why=told,
            fix="export it with a batch of one, or with a free batch"
            if of_one
            else "check it where it was made",
        )
    kind, name = missing.groups()
    # A node need not have a name; its first result has one.
    made = (n.output[0] for n in model.graph.node if (n.op_type, n.name) == (kind, name))
    in_16 = require("onnx").TensorProto.BFLOAT16 in _types(model)
    return Unsupported(
        f"{origin}: the operator {kind} of {name or next(made, '')!r} cannot be brought in",
        why=f"{version}, whose answers files are compared with, does not compute it"
        + " in bfloat16" * in_16,
        fix="export it in float32 (PyTorch: model.float() before torch.onnx.export)"
        if in_16
        else "export it with numbers of float32, or without this operator",
    )


def _types(model: Any) -> Iterator[int]:
    """Types of a graph's constants, inputs and casts."""
    graph = model.graph
    yield from (tensor.data_type for tensor in graph.initializer)
    yield from (value.type.tensor_type.elem_type for value in graph.input)
    yield from (a.i for node in graph.node for a in node.attribute if a.name == "to")
