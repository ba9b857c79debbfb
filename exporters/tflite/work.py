"""Multiply-adds of a TFLite file's operators, those inside loops at each turn."""

from __future__ import annotations

from collections import Counter
from math import ceil, prod
from typing import Any

from .schema import kind_of

#: Their weights, of two dimensions, are multiplied at each step of the first input.
_RECURRENT = frozenset(
    {"UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "LSTM"}
    | {"UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN", "RNN"}
)


def multiply_adds(kind: str, operator: Any, graph: Any) -> int:
    """Products of values and weights in one run of an operator, counted as in He et al. 2015.

    Element-wise products, pooling and activations are left out; a transposed convolution applies
    its kernel at each input position.
    """
    places = [] if operator.inputs is None else [int(i) for i in operator.inputs]
    if kind in _RECURRENT:
        weights = [t for t in (graph.tensors[i] for i in places[1:] if i >= 0) if not t.isVariable]
        each = sum(prod(_sides(t)) for t in weights if len(_sides(t)) == 2)
        return each * prod(_sides(graph.tensors[places[0]])[:-1])
    if kind == "TRANSPOSE_CONV":
        weight, values = (_sides(graph.tensors[i]) for i in places[1:3])
        return prod(weight) * prod(values[:-1])
    depth = {
        "CONV_2D": lambda values, weight: prod(weight[1:]),
        "DEPTHWISE_CONV_2D": lambda values, weight: prod(weight[1:3]),
        "CONV_3D": lambda values, weight: prod(weight[:4]),
        "FULLY_CONNECTED": lambda values, weight: weight[-1],
        "BATCH_MATMUL": lambda values, weight: values[-2 if operator.builtinOptions.adjX else -1],
    }.get(kind)
    if depth is None:
        return 0
    results = prod(_sides(graph.tensors[int(operator.outputs[0])]))
    return results * int(depth(*(_sides(graph.tensors[i]) for i in places[:2])))


def loop_counts(model: Any) -> list[int]:
    """Executions of each of a file's graphs in one inference.

    Empty when a loop has no constant number of turns.
    """
    turns: Counter[int] = Counter({0: 1})
    waiting = [0]
    while waiting:
        number = waiting.pop()
        graph = model.subgraphs[number]
        for operator in graph.operators or []:
            kind, own = kind_of(model, operator), operator.builtinOptions
            called: dict[int, int] = {}
            if kind == "WHILE":
                often = _turns(model, graph, operator)
                if often is None:
                    return []
                called = {own.condSubgraphIndex: often + 1, own.bodySubgraphIndex: often}
            elif kind == "IF":
                called = {own.thenSubgraphIndex: 1, own.elseSubgraphIndex: 1}
            for other, often in called.items():
                turns[other] += often * turns[number]
                waiting.append(other)
    return [turns[number] for number in range(len(model.subgraphs))]


def _turns(model: Any, graph: Any, operator: Any) -> int | None:
    """Turns of a loop that counts up to a constant, as converters write those over time."""
    own = operator.builtinOptions
    condition, body = (model.subgraphs[n] for n in (own.condSubgraphIndex, own.bodySubgraphIndex))
    found = []
    for test in condition.operators or []:
        if kind_of(model, test) != "LESS":
            continue
        counter, end = (int(i) for i in test.inputs)
        limit = _number(model, condition, end)
        if limit is None and end in condition.inputs:
            place = list(condition.inputs).index(end)
            limit = _number(model, graph, int(operator.inputs[place]))
        if counter not in condition.inputs or limit is None:
            continue
        place = list(condition.inputs).index(counter)
        start = _number(model, graph, int(operator.inputs[place]))
        step = _step(model, body, place)
        if start is not None and step:
            found.append(max(0, ceil((limit - start) / step)))
    return min(found, default=None)


def _step(model: Any, body: Any, place: int) -> int | None:
    """By how much one turn raises a counter."""
    counter, result = int(body.inputs[place]), int(body.outputs[place])
    for operator in body.operators:
        places = [int(i) for i in operator.inputs] if operator.inputs is not None else []
        if kind_of(model, operator) == "ADD" and result in operator.outputs and counter in places:
            return next((_number(model, body, i) for i in places if i != counter), None)
    return None


def _number(model: Any, graph: Any, place: int) -> int | None:
    """A constant whole number; None for anything else."""
    tensor = graph.tensors[place]
    data = model.buffers[tensor.buffer].data
    if data is None or len(data) not in (4, 8):
        return None
    return int.from_bytes(bytes(data), "little", signed=True)


def _sides(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(side) for side in tensor.shape)
