"""Times of TFLite operators, and their assignment to delegates.

LiteRT's Python interface reports no times of single operators. So each is timed in a file of its
own, with the delegate, on the values that it gets in the whole file.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo.common.optional_imports import require

from .graph import TfliteGraph

Array = NDArray[Any]
#: One operator is timed no longer than this, however slow it is.
_SECONDS = 0.5
_WARM_UP = 3
_ALONE = (
    "Times are those of each operator in a file of its own, with XNNPACK, one thread: about a "
    "microsecond of each is the call itself, and their sum is not the time of the file."
)
DELEGATE = "XNNPACK"
BUILT_IN = "built-in"


@dataclass(frozen=True, kw_only=True)
class OperatorTimes:
    """Times and executors by the operator's number; empty where nothing was measured."""

    microseconds: dict[int, float] = field(default_factory=dict)
    executors: dict[int, str] = field(default_factory=dict)
    note: str = _ALONE


def time_operators(path: Path, graph: TfliteGraph, examples: Array, runs: int) -> OperatorTimes:
    """Times every operator that has inputs, on the values that one example gives it."""
    executors = _executors(path, graph)
    if runs < 1:
        return OperatorTimes(executors=executors)
    from .runner import Runner

    whole = Runner(path)
    whole.run(examples[:1])
    microseconds = {}
    for number, operator in enumerate(graph.operators):
        if not operator.variables:
            continue  # it only unpacks constants, once
        values = [whole.value(place).copy() for place in operator.variables]
        microseconds[number] = _time(graph.alone(number), values, runs)
    return OperatorTimes(microseconds=microseconds, executors=executors)


def _time(content: bytes, values: list[Array], runs: int) -> float:
    """Median microseconds of one invocation."""
    module = require("ai_edge_litert.interpreter")
    interpreter = module.Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    clock, invoke, reset = (
        time.perf_counter_ns,
        interpreter.invoke,
        interpreter.reset_all_variables,
    )
    for _ in range(_WARM_UP):
        invoke()
    taken: list[int] = []
    end = clock() + int(_SECONDS * 1e9)
    while len(taken) < runs and (not taken or clock() < end):
        reset()
        started = clock()
        invoke()
        taken.append(clock() - started)
    return statistics.median(taken) / 1000


def _executors(path: Path, graph: TfliteGraph) -> dict[int, str]:
    """The executor of each operator in the whole file; empty when the runtime reports none."""
    module = require("ai_edge_litert.interpreter")
    interpreter = module.Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    try:
        nodes = interpreter._get_ops_details()
    except (AttributeError, ValueError):
        return {}
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    taken: set[int] = set()
    for partition in partitions:
        border = {int(place) for place in partition["inputs"]}
        wanted = [int(place) for place in partition["outputs"]]
        while wanted:
            number = graph.producers.get(wanted.pop())
            if number is not None and number not in taken:
                taken.add(number)
                wanted += [i for i in graph.operators[number].inputs if i not in border]
    return {n: DELEGATE if n in taken else BUILT_IN for n in range(len(graph.operators))}
