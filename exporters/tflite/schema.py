"""TFLite flatbuffers: reading, writing, operators by name."""

from __future__ import annotations

from functools import cache
from typing import Any

from zoo.common.optional_imports import require

from ..shared.layer_mapping import Operator

IDENTIFIER = b"TFL3"
#: The schema asks it of every buffer (``force_align: 16``), so that kernels can read constants
#: where they lie.
ALIGNMENT = 16


def schema() -> Any:
    """The reader of flatbuffers, which needs no TensorFlow."""
    return require("ai_edge_litert.schema_py_generated")


def read_model(data: bytes) -> Any:
    """A file's bytes as a `ModelT`, whose fields can be read and set."""
    return schema().ModelT.InitFromPackedBuf(data, 0)


def operators(data: bytes) -> list[Operator]:
    """The operators of the main graph, in order, each known by the name of its first result."""
    model = read_model(data)
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    found = []
    for operator in graph.operators:
        makes = tuple(names[int(i)] for i in operator.outputs)
        reads = tuple(names[int(i)] for i in operator.inputs if i >= 0)
        kind = kind_of(model, operator)
        found.append(Operator(key=makes[0], kind=kind, names=makes, reads=reads, makes=makes))
    return found


def kind_of(model: Any, operator: Any) -> str:
    """The operator's name in the schema, such as ``CONV_2D``."""
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    kinds = vars(schema().BuiltinOperator).items()
    return next((name for name, value in kinds if value == number), "UNKNOWN")


def code_of(model: Any, kind: str, version: int = 1) -> int:
    """The place of an operator's code in a `ModelT`, which is added where there is none."""
    number = getattr(schema().BuiltinOperator, kind)
    for place, code in enumerate(model.operatorCodes):
        known = max(code.builtinCode, code.deprecatedBuiltinCode)
        if known == number and code.version >= version:
            return place
    code = schema().OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = version
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def float_results(data: bytes) -> set[str]:
    """Names of the tensors of real numbers that operators make from other than integers alone."""
    model = read_model(data)
    graph, real = model.subgraphs[0], schema().TensorType.FLOAT32
    made = [o for o in graph.operators if kind_of(model, o) != "DEQUANTIZE"]
    results = {int(i) for operator in made for i in operator.outputs}
    return {graph.tensors[i].name.decode() for i in results if graph.tensors[i].type == real}


def serialize(model: Any, size: int = 1 << 20) -> bytes:
    """A `ModelT` as the bytes of a file.

    Args:
        model: Its fields may have been changed.
        size: About how many bytes it will have.
    """
    builder = _builder()(size + 1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


@cache
def _builder() -> Any:
    base = require("flatbuffers").Builder

    class AlignedBuilder(base):  # type: ignore[misc, valid-type]
        """What the generated code lacks: alignment of buffers, and equal vectors stored once.

        Each channel's zero point takes eight bytes, and most vectors of them are equal.
        """

        def __init__(self, size: int) -> None:
            super().__init__(size)
            self._stored: dict[tuple[str, bytes], int] = {}

        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:
            """Vectors of bytes are the constants of the model."""
            aligned = ALIGNMENT if elemSize == 1 else alignment
            return super().StartVector(elemSize, numElems, aligned)

        def CreateNumpyVector(self, x: Any) -> Any:
            """The place of an equal vector that was stored before, or of this one."""
            key = x.dtype.str, x.tobytes()
            if key not in self._stored:
                self._stored[key] = super().CreateNumpyVector(x)
            return self._stored[key]

    return AlignedBuilder
