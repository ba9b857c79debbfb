"""The entry of a TFLite file's network, measured in LiteRT; see `zoo.contracts.NetworkEntry`."""

from __future__ import annotations

from math import inf
from pathlib import Path

import numpy as np

from zoo.contracts.front_end import FRONT_END
from zoo.contracts.network_entry import FirstResult, NetworkEntry

from ..shared.entry_tensors import GraphStep, Kind, trace_entries
from .graph import Operator, TfliteGraph
from .runner import Array, Runner

_VALUES = frozenset(
    {"MUL", "ADD", "SUB", "DIV", "MINIMUM", "MAXIMUM", "POW", "SQUARED_DIFFERENCE", "FLOOR_DIV"}
    | {"FLOOR_MOD", "ABS", "NEG", "SQRT", "RSQRT", "SQUARE", "EXP", "LOG", "FLOOR", "CEIL"}
    | {"ROUND", "SIGN", "SIN", "COS", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LOGISTIC"}
    | {"TANH", "ELU", "LEAKY_RELU", "HARD_SWISH", "GELU", "PRELU", "SELECT", "SELECT_V2"}
    | {"LOGICAL_NOT", "LOGICAL_AND", "LOGICAL_OR"}
)
_COMPARISONS = frozenset({"LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"})
_CONVERSIONS = frozenset({"CAST", "QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"})
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_VALUES, "values"),
    **dict.fromkeys(_COMPARISONS, "comparison"),
    **dict.fromkeys(_CONVERSIONS, "conversion"),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), "reshape"),
    **dict.fromkeys(("PAD", "PADV2"), "pad"),
    "TRANSPOSE": "transpose",
    "CONCATENATION": "concatenate",
    "SHAPE": "none",
    "RANK": "none",
}


def network_entry(path: Path, inputs: Array, results: bool) -> NetworkEntry:
    """Runs the operators up to the first layers; see `zoo.contracts.Exporter.network_entry`."""
    graph = TfliteGraph(path)
    given_to_file = {int(i) for i in graph.graph.inputs}
    places, operators = _behind_front_end(graph)
    constants = _constants(graph)
    traces = trace_entries(
        [(place, graph.shape(place), graph.integers(place)) for place in places],
        [_step(graph, operator, constants) for operator in operators],
        [int(i) for i in graph.graph.outputs],
    )
    given = traces.results(lambda place: _is_real(graph, place)) if results else []
    made = [place for one in given for place in one.keys]
    front = [place for place in places if place not in given_to_file]
    found: dict[int, list[Array]] = {place: [] for place in (*traces.measured, *made, *front)}
    runner = Runner(graph.up_to(found.keys() - given_to_file))
    for example in inputs:
        runner.run(example[None])
        for place, values in found.items():
            values.append(runner.value(place).copy())
    real = {place: _real(graph, place, np.stack(values)) for place, values in found.items()}
    shape = graph.shape(places[0])[1:]
    return NetworkEntry(
        tensors=tuple(traces.entry(place, graph.name(place), real, shape) for place in traces.read),
        results=tuple(
            one.record(graph.name, lambda place: _result(graph, place, real[place]))
            for one in given
        ),
        made=real[front[0]].reshape(-1, *shape) if front else None,
    )


def _behind_front_end(graph: TfliteGraph) -> tuple[list[int], list[Operator]]:
    """The inputs and the operators of the network itself."""
    front = [one for one in graph.operators if one.name.startswith(f"{FRONT_END}/")]
    network = [one for one in graph.operators if one not in front]
    if not front:
        return [int(i) for i in graph.graph.inputs], network
    return list(front[-1].outputs), network


def _constants(graph: TfliteGraph) -> set[int]:
    """Constants, and what is made of constants alone."""
    fixed = {place for place in range(len(graph.graph.tensors)) if graph.is_constant(place)}
    for operator in graph.operators:
        if operator.inputs and all(place < 0 or place in fixed for place in operator.inputs):
            fixed.update(operator.outputs)
    return fixed


def _step(graph: TfliteGraph, operator: Operator, constants: set[int]) -> GraphStep[int]:
    reads = tuple(place for place in operator.inputs if place >= 0 and place not in constants)
    made = operator.outputs[0] if len(operator.outputs) == 1 else None
    kind = "layer" if made is None else _KINDS.get(operator.kind, "layer")
    axes: tuple[int, ...] = ()
    pads: tuple[tuple[int, int], ...] = ()
    if kind in ("transpose", "pad"):
        values = graph.numbers(operator.inputs[1])
        if values is None:
            kind = "layer"
        elif kind == "pad":
            pads = tuple((int(before), int(after)) for before, after in values)
        else:
            axes = tuple(int(axis) for axis in values)
    elif kind == "concatenate":
        axes = (int(graph.options(operator).axis),)
        if len(reads) < len(operator.inputs):
            kind = "layer"
    return GraphStep(
        kind=kind,
        name=operator.kind,
        reads=reads,
        makes=operator.outputs,
        shape=() if made is None else graph.shape(made),
        axes=axes,
        pads=pads,
        integers=None if made is None else graph.integers(made),
        half=any(graph.dtype(place) == "float16" for place in _as_stored(graph, operator)),
        whole=operator.kind == "CAST"
        and graph.dtype(operator.outputs[0]).startswith(("int", "uint")),
    )


def _as_stored(graph: TfliteGraph, operator: Operator) -> list[int]:
    """What an operator reads and makes, and constants behind a conversion, as they are stored."""
    places = [place for place in (*operator.inputs, *operator.outputs) if place >= 0]
    constants = (graph.stored(place) for place in operator.inputs if place >= 0)
    return [*places, *(place for place in constants if place is not None)]


def _is_real(graph: TfliteGraph, place: int) -> bool:
    """Whether a tensor holds real numbers, or integers that stand for such."""
    return graph.is_float(place) or graph.integers(place) is not None


def _real(graph: TfliteGraph, place: int, values: Array) -> Array:
    mapping = graph.integers(place)
    return values.astype(np.float64) if mapping is None else mapping.real(values)


def _result(graph: TfliteGraph, place: int, values: Array) -> FirstResult:
    mapping = graph.integers(place)
    low, high = (-inf, inf) if mapping is None else mapping.range
    return FirstResult(name=graph.name(place), values=values, low=low, high=high)
