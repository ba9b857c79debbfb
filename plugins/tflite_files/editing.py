"""Changes of a TFLite file's first graph: new tensors, constants and operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .graph import Array


class Editing:
    """A file's `ModelT` that is changed; tensors are named by their place in its first graph."""

    def __init__(self, model: Any) -> None:
        """Keeps the model.

        Args:
            model: The schema's `ModelT`.
        """
        self._model, self._graph = model, model.subgraphs[0]
        self._schema = require("ai_edge_litert.schema_py_generated")

    def data(self, place: int) -> bool:
        """Whether a tensor has numbers in the file."""
        data = self._model.buffers[self._graph.tensors[place].buffer].data
        return data is not None and len(data) > 0

    def reshape(self, place: int, shape: tuple[int, ...]) -> None:
        """Gives a tensor a fixed shape."""
        tensor = self._graph.tensors[place]
        tensor.shape, tensor.shapeSignature = np.array(shape, np.int32), None

    def tensor(self, name: str, like: Array, kind: int) -> int:
        """A new tensor of this name, shape and type; its place."""
        tensor = self._schema.TensorT()
        tensor.name, tensor.type, tensor.buffer = name.encode(), kind, 0
        self._graph.tensors.append(tensor)
        self.reshape(len(self._graph.tensors) - 1, like.shape)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, values: Array, like: int) -> int:
        """A new constant of the type of another tensor; its place."""
        place = self.tensor(name, values, self._graph.tensors[like].type)
        self.become_constant(place, values)
        return place

    def become_constant(self, place: int, values: Array) -> None:
        """Gives a tensor numbers."""
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        self._graph.tensors[place].buffer = len(self._model.buffers) - 1
        self.reshape(place, values.shape)

    def operator(self, kind: str, inputs: list[int], output: int) -> Any:
        """A new operator of plain options, which is not in the graph yet."""
        schema, operator = self._schema, self._schema.OperatorT()
        number = getattr(schema.BuiltinOperator, kind)
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.version = 1
        self._model.operatorCodes.append(code)
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([output], np.int32)
        name = f"{kind.title()}Options"
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = getattr(schema, f"{name}T")()
        return operator
