"""A TFLite file's only graph: operators, and tensors with their shapes and constants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require

Array = NDArray[Any]
#: Their results depend on shapes alone, which are fixed.
_OF_SHAPES = frozenset({"SHAPE", "RANK"})
STATE = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"})
FLOW = frozenset({"IF", "WHILE", "CALL"})
BRANCHES = frozenset({"IF", "STABLEHLO_CASE"})
FLOW |= {f"STABLEHLO_{name}" for name in ("CASE", "WHILE", "COMPOSITE", "CUSTOM_CALL")}
_TABLES = frozenset({"HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE"})
_RANDOM = frozenset({"RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"})
_RECURRENT = frozenset(
    {"UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "RNN", "SVDF"}
    | {"UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN"}
)
#: What usually stands behind a network, and makes choices of its outputs.
_BEHIND_NETWORKS = frozenset(
    {"TOPK_V2", "ARG_MAX", "ARG_MIN", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"}
    | {"WHERE", "UNIQUE"}
)
_INTEGERS = frozenset({"INT8", "UINT8", "INT16", "UINT16", "INT4", "INT2"})
CARRY = (
    "save the network with the state as an input and an output, and name them: "
    "--state INPUT=OUTPUT; or so that it takes whole examples; "
)
#: Give the file of before, or keep this one as it is.
AS_IT_IS = "`zoo inspect` and `zoo bench` take the file as it is"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator; tensors by their place in the file, −1 for one that is left out.

    Attributes:
        kind: ``CONV_2D``; of a custom one its own name.
        place: Its number in the graph.
        name: Of the layer that it becomes.
        options: The schema's record of its options; None where it has none.
    """

    kind: str
    place: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = None

    def refused(self, origin: str, why: str, fix: str = "") -> Unsupported:
        """The error that names it."""
        return Unsupported(
            f"{origin}: its operator {self.kind} (number {self.place}, {self.name}) cannot be "
            "brought in",
            why=why,
            fix=fix
            or (
                "end the network before it, and compute it of the outputs in your program; "
                if self.kind in _BEHIND_NETWORKS
                else "leave it out where the file is made; "
            )
            + AS_IT_IS,
        )


@dataclass(frozen=True, kw_only=True)
class TfliteGraph:
    """A graph whose shapes are all fixed, of a batch of one.

    Attributes:
        origin: Names the file in messages.
        constants: Tensors that do not depend on the inputs, as real numbers or integers: what is
            made of constants is computed by LiteRT.
    """

    origin: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]
    names: tuple[str, ...]
    dtypes: tuple[str, ...]
    shapes: Mapping[int, tuple[int, ...]]
    constants: Mapping[int, Array] = field(default_factory=dict)


def read_graph(model: Any, interpreter: Any, origin: str) -> TfliteGraph:
    """The graph of a file.

    Args:
        model: The schema's `ModelT`.
        interpreter: Of the same file, not yet allocated, which preserves all tensors.
        origin: Names the file in messages.

    Raises:
        Unsupported: It is quantized, keeps state in a tensor, or has control flow.
    """
    (graph, *others) = model.subgraphs
    types = _names(require("ai_edge_litert.schema_py_generated").TensorType)
    names, operators = names_of(graph), operators_of(model, graph)
    _check_operators(operators, len(others), origin)
    _check_tensors(graph, operators, types, names, origin)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():  # rows of a table must be within it
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()
    fixed = {i for i, tensor in enumerate(graph.tensors) if _data(model, tensor) is not None}
    for operator in operators:
        if operator.kind in _OF_SHAPES or all(i < 0 or i in fixed for i in operator.inputs):
            fixed.update(operator.outputs)
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    shapes = {i: tuple(int(side) for side in one["shape"]) for i, one in details.items()}
    read = {i for operator in operators for i in operator.inputs if i in fixed}
    left = [o for o in operators if not all(i in fixed for i in o.outputs)]
    return TfliteGraph(
        origin=origin,
        inputs=tuple(int(i) for i in graph.inputs),
        outputs=tuple(int(i) for i in graph.outputs),
        operators=tuple(left),
        names=names,
        dtypes=tuple(types[tensor.type].lower() for tensor in graph.tensors),
        shapes=shapes,
        constants={i: np.array(interpreter.get_tensor(i)) for i in sorted(read)},
    )


def operators_of(model: Any, graph: Any) -> tuple[Operator, ...]:
    """The operators of one graph of a file's `ModelT`, in the order in which they run."""
    names = names_of(graph)
    kinds = _names(require("ai_edge_litert.schema_py_generated").BuiltinOperator)
    found = []
    for place, operator in enumerate(graph.operators or []):
        code = model.operatorCodes[operator.opcodeIndex]
        kind = kinds.get(max(code.builtinCode, code.deprecatedBuiltinCode), "UNKNOWN")
        if kind == "CUSTOM":
            kind = (code.customCode or b"").decode("utf-8", "replace")
        outputs = tuple(int(i) for i in operator.outputs)
        found.append(
            Operator(
                kind=kind,
                place=place,
                name=plain(names[outputs[0]] if outputs else "") or kind.lower(),
                inputs=tuple(int(i) for i in ([] if operator.inputs is None else operator.inputs)),
                outputs=outputs,
                options=operator.builtinOptions or operator.builtinOptions2,
            )
        )
    return tuple(found)


def names_of(graph: Any) -> tuple[str, ...]:
    """The names of its tensors."""
    return tuple((tensor.name or b"").decode("utf-8", "replace") for tensor in graph.tensors)


def plain(name: str) -> str:
    """A tensor's name as a layer's: of several that were fused, the last."""
    words = [word for word in name.split(";") if word.strip()]
    last = re.sub(r"[^A-Za-z0-9_]+", "_", words[-1] if words else "").strip("_")
    return last[-60:].strip("_")


def _data(model: Any, tensor: Any) -> Any:
    buffer = model.buffers[tensor.buffer]
    return buffer.data if buffer.data is not None or not buffer.size else buffer.offset


def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _check_operators(operators: tuple[Operator, ...], others: int, origin: str) -> None:
    for operator in operators:
        if operator.kind in FLOW:
            raise operator.refused(
                origin,
                "which operators run is decided while it runs: files here have one path",
                (
                    "compute both branches where the file is made, and choose by tf.where; "
                    if operator.kind in BRANCHES
                    else "unroll loops where the file is made (Keras: unroll=True of the layer); "
                )
                + AS_IT_IS,
            )
        if operator.kind in _TABLES:
            raise operator.refused(origin, "it looks words up; files for devices take numbers")
        if operator.kind in _RANDOM:
            raise operator.refused(origin, "its answers would differ each time")
    if others:
        raise Unsupported(
            f"{origin} has {others + 1} graphs, where one is needed",
            why="files here have one path from input to output: no branches, loops or further "
            "signatures",
            fix=f"save a network of one signature, without control flow; {AS_IT_IS}",
        )
    if not operators:
        raise Unsupported(f"{origin} has no operators", why="it computes nothing")


def _check_tensors(
    graph: Any,
    operators: tuple[Operator, ...],
    types: dict[int, str],
    names: tuple[str, ...],
    origin: str,
) -> None:
    states = {i for o in operators if o.kind in _RECURRENT for i in o.inputs}
    for place, (tensor, name) in enumerate(zip(graph.tensors, names, strict=True)):
        kept = tensor.quantization
        scaled = kept is not None and kept.scale is not None and len(kept.scale) > 0
        if scaled and types[tensor.type] in _INTEGERS:
            raise Unsupported(
                f"{origin} is quantized already: its tensor {name!r} holds integers",
                why="what quantization took away cannot be had back",
                fix=f"give the float file that it was made from; {AS_IT_IS}",
            )
        if tensor.isVariable and place not in states:
            raise Unsupported(
                f"{origin} keeps state from one call to the next: {name!r}",
                why="only networks that take whole examples can be brought in",
                fix=CARRY + AS_IT_IS,
            )
