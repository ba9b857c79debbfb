"""Patterns of operators that stand for one: the exact GELU of operator sets before 20."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zoo.common.optional_imports import require

_CLOSE = 1e-4


def with_gelu(model: Any) -> None:
    """Puts a Gelu in the place of x / 2 · (1 + erf(x / √2)), however its factors are ordered."""
    graph = _Graph(model)
    for erf in [node for node in model.graph.node if node.op_type == "Erf"]:
        found = _gelu_around(graph, erf)
        if found is None:
            continue
        last, given = found
        last.op_type = "Gelu"
        last.ClearField("attribute")
        del last.input[:]
        last.input.append(given)


class _Graph:
    """Who makes a tensor, who reads it, and which single number a constant is."""

    def __init__(self, model: Any) -> None:
        self.makers = {output: node for node in model.graph.node for output in node.output}
        self.readers: dict[str, list[Any]] = {}
        for node in model.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}

    def number(self, name: str) -> float | None:
        """The value of a constant of one element."""
        tensor = self._constants.get(name)
        if tensor is None or math.prod(tensor.dims) != 1:
            return None
        return float(np.ravel(require("onnx").numpy_helper.to_array(tensor))[0])

    def times(self, node: Any, value: float) -> str | None:
        """The other operand, where a node multiplies one by this number or adds it."""
        for one, other in ((0, 1), (1, 0)):
            found = self.number(node.input[other])
            if found is not None and math.isclose(found, value, rel_tol=_CLOSE):
                return str(node.input[one])
        return None

    def reader(self, name: str, kind: str) -> Any | None:
        """The only reader, if it is of this kind."""
        found = self.readers.get(name, [])
        return found[0] if len(found) == 1 and found[0].op_type == kind else None


def _gelu_around(graph: _Graph, erf: Any) -> tuple[Any, str] | None:
    """The last node of the pattern, and what it is a function of."""
    before = graph.makers.get(erf.input[0])
    given = None
    if before is not None and before.op_type == "Mul":
        given = graph.times(before, math.sqrt(0.5))
    elif before is not None and before.op_type == "Div":
        divisor = graph.number(before.input[1])
        if divisor is not None and math.isclose(divisor, math.sqrt(2), rel_tol=_CLOSE):
            given = str(before.input[0])
    more = graph.reader(erf.output[0], "Add")
    if given is None or more is None or graph.times(more, 1.0) is None:
        return None
    product = graph.reader(more.output[0], "Mul")
    if product is None:
        return None
    (other,) = [name for name in product.input if name != more.output[0]] or [""]
    maker = graph.makers.get(other)
    if maker is not None and maker.op_type == "Mul" and graph.times(maker, 0.5) == given:
        return product, given
    last = graph.reader(product.output[0], "Mul")
    if last is None:
        return None
    if other == given and graph.times(last, 0.5) == product.output[0]:
        return last, given
    if graph.number(other) == 0.5 and given in last.input:
        return last, given
    return None
