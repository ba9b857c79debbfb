"""Times and execution providers of ONNX operators, by ONNX Runtime's profiler."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from .graph import OnnxGraph, feeds, session

Array = NDArray[Any]
_ENDING = "_kernel_time"
_WARM_UP = 5
_COMPUTING = frozenset({"integer", "hybrid", "float"})
_PROFILER = (
    "Times are those of ONNX Runtime's profiler, one thread, in whole microseconds; operators that "
    "it fuses stand under the one that names the kernel."
)


@dataclass(frozen=True, kw_only=True)
class OperatorTimes:
    """Times and executors by the place of the node; what moves or converts values by its kind."""

    microseconds: dict[int, float] = field(default_factory=dict)
    executors: dict[int, str] = field(default_factory=dict)
    overhead: dict[str, float] = field(default_factory=dict)
    note: str = _PROFILER


def time_operators(path: Path, graph: OnnxGraph, inputs: Array, runs: int) -> OperatorTimes:
    """Runs a file under the profiler.

    Args:
        path: The file.
        graph: Its graph, or that of the file with constants folded; kernels are named after it.
        inputs: Raw real inputs, (examples, …), taken in turn.
        runs: Inferences that count.
    """
    if runs < 1:
        return OperatorTimes()
    with tempfile.TemporaryDirectory(prefix="zoo-profile-") as folder:
        runner = session(
            None, path, enable_profiling=True, profile_file_prefix=str(Path(folder) / "profile")
        )
        given = list(feeds(runner, inputs))
        for run in range(_WARM_UP + runs):
            runner.run(None, given[run % len(given)])
        events = json.loads(Path(runner.end_profiling()).read_text(encoding="utf-8"))
    kernels = (e for e in events if e.get("cat") == "Node")
    return _times_by_node(graph, [e for e in kernels if str(e.get("name", "")).endswith(_ENDING)])


def _times_by_node(graph: OnnxGraph, events: list[dict[str, Any]]) -> OperatorTimes:
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    providers: dict[tuple[str, str], str] = {}
    for event in events:
        kind = str(event["args"].get("op_name", ""))
        kernel = (str(event["name"]).removesuffix(_ENDING), kind)
        taken[kernel].append(float(event["dur"]))
        providers[kernel] = str(event["args"].get("provider", ""))
    named = _names(graph)
    microseconds: dict[int, float] = defaultdict(float)
    executors: dict[int, str] = {}
    overhead: dict[str, float] = defaultdict(float)
    for (name, kind), durations in taken.items():
        median = statistics.median(durations[_WARM_UP:] or durations)
        place = _owner(name, named)
        if place is None or graph.arithmetic(graph.nodes[place]) not in _COMPUTING:
            overhead[kind] += median
            continue
        microseconds[place] += median
        executors[place] = providers[name, kind].removesuffix("ExecutionProvider")
    return OperatorTimes(
        microseconds=dict(microseconds), executors=executors, overhead=dict(overhead)
    )


def _names(graph: OnnxGraph) -> dict[str, int]:
    """Names that a kernel's may begin with: a node's own, or that of its result."""
    found = {}
    for place, node in enumerate(graph.nodes):
        for name in (node.name, *node.output):
            if name:
                found[name] = place
    return found


def _owner(kernel: str, named: dict[str, int]) -> int | None:
    """The node with the longest name that a kernel's name begins with."""
    if kernel in named:
        return named[kernel]
    fitting = [name for name in named if kernel.startswith(f"{name}_")]
    return named[max(fitting, key=len)] if fitting else None
