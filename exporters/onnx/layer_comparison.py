"""Layer comparison of an ONNX file with its float32 baseline, in ONNX Runtime.

Both files run with their intermediate results as outputs. To separate an operator's own error, the
graph is cut between operators and each is fed with the baseline's values; fed with these values
rounded, the baseline shows how much of it comes from the inputs.
"""

from __future__ import annotations

import importlib.metadata
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo.common.named_arrays import each_of
from zoo.contracts import LayerComparison, LayerRequest, OperatorRecord
from zoo.contracts.layers import ARITHMETICS
from zoo.networks.layer_names import LayerNames, with_nameless

from ..quantization.quantization_error import OutputStatistics, weight_figures
from .graph import OnnxGraph, session
from .profiling import OperatorTimes, time_operators

Array = NDArray[Any]
_NUMBER = re.compile(r"__\d+(?=:|\Z)")
#: What quantizers add to the name of a graph's output.
_QUANTIZED_OUTPUT = "_QuantizeLinear_Input"
#: Kinds that answer with probabilities, which have one size.
_CHOOSING = ("Softmax", "Sigmoid")
#: Kinds without a fast kernel on processors: other forms may be faster.
_FASTER = {"ConvInteger": "--precision int8"}
_FUSED = (
    "Errors are those of ONNX Runtime's kernels; tensors between operators that it fuses when the "
    "file runs by itself are kept apart for this."
)


def compare_layers(request: LayerRequest) -> LayerComparison:
    """Runs both files on every input; see `zoo.contracts.Exporter.compare_layers`."""
    with tempfile.TemporaryDirectory(prefix="zoo-layers-") as folder:
        file = OnnxGraph.read(request.path, request.inputs)
        # Quantized files are made of graphs whose constants were folded: so is the baseline here.
        baseline = OnnxGraph.folded(
            request.baseline, Path(folder) / "baseline.onnx", request.inputs
        )
    pairs = _pairs(file, baseline)
    gathered = _gather(file, baseline, pairs, request.inputs)
    mine = time_operators(request.path, file, request.inputs, request.runs)
    theirs = time_operators(request.baseline, baseline, request.inputs, request.runs)
    notes = [_FUSED]
    if request.runs:
        notes.append(mine.note)
    return LayerComparison(
        runtime="onnxruntime",
        runtime_version=importlib.metadata.version("onnxruntime"),
        examples=len(request.inputs),
        operators=_records(file, baseline, pairs, gathered, request, mine, theirs),
        overhead=mine.overhead,
        twin_overhead=theirs.overhead,
        notes=tuple(notes),
        graph=file.model.graph.name,
    )


def _pairs(file: OnnxGraph, baseline: OnnxGraph) -> dict[int, str | None]:
    """The baseline's tensor for each computing operator of the file, or None."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in baseline.producers:
        alike[_NUMBER.sub("", name)].append(name)
    found: dict[int, str | None] = {}
    for number, node in enumerate(file.nodes):
        if file.arithmetic(node) not in ARITHMETICS or not node.output:
            continue
        name = node.output[0].removesuffix(_QUANTIZED_OUTPUT)
        # The converter numbers what has no name, and not in each file alike.
        fitting = [name, *alike[_NUMBER.sub("", name)]]
        # In half precision, a cast bears the name that the result has in the baseline.
        readers = file.readers.get(name, [])
        fitting += [out for n in readers if n.op_type == "Cast" for out in n.output]
        free = (other for other in fitting if other not in found.values())
        found[number] = next((n for n in free if _same(file, node.output[0], baseline, n)), None)
    return found


def _same(file: OnnxGraph, name: str, baseline: OnnxGraph, other: str) -> bool:
    """Whether the shapes of two tensors are known and equal."""
    known = name in file.types and other in baseline.types and other in baseline.producers
    return known and file.shape(name) == baseline.shape(other)


def _gather(
    file: OnnxGraph, baseline: OnnxGraph, pairs: dict[int, str | None], inputs: Array
) -> dict[int, OutputStatistics]:
    own = {n: file.nodes[n].output[0] for n, match in pairs.items() if match is not None}
    theirs = {n: match for n, match in pairs.items() if match is not None}
    answers = _ends(file, {*pairs})
    gathered = {
        n: OutputStatistics(integers=file.integers(name), answers=n in answers)
        for n, name in own.items()
    }
    if not own:
        return {}
    results = {n: file.result(name) for n, name in own.items()}
    ends = {value.name for value in file.model.graph.output}
    cuts = {n for n, name in own.items() if name not in ends}
    whole_file = session(file.with_outputs(set(results.values())))
    whole_baseline = session(baseline.with_outputs(set(theirs.values())))
    cut, kept = file.cut({own[n] for n in cuts}, set(own.values()))
    cut_file = session(cut)
    baseline_ends = {value.name for value in baseline.model.graph.output}
    baseline_cuts = {n for n in cuts if theirs[n] not in baseline_ends}
    other, _ = baseline.cut({theirs[n] for n in baseline_cuts}, set(theirs.values()))
    cut_baseline = session(other)
    raw, theirs_raw = ([value.name for value in one.inputs] for one in (file, baseline))
    arrays = each_of(inputs)
    for number in range(len(inputs)):
        given = [values[number : number + 1] for values in arrays]
        first, second = (dict(zip(names, given, strict=True)) for names in (raw, theirs_raw))
        real = _run(whole_baseline, second)
        found = _run(whole_file, first)
        for n, one in gathered.items():
            one.add(real[theirs[n]], found[results[n]])
        fed = {f"{own[n]}/fed": real[theirs[n]].astype(file.types[own[n]][0]) for n in cuts}
        alone = _run(cut_file, {**first, **fed})
        rounded = {f"{theirs[n]}/fed": gathered[n].rounded(real[theirs[n]]) for n in baseline_cuts}
        after = _run(cut_baseline, {**second, **rounded})
        for n, one in gathered.items():
            one.own.add(real[theirs[n]], alone[kept[own[n]]])
            one.inputs.add(real[theirs[n]], after[theirs[n]])
    return gathered


def _ends(file: OnnxGraph, computing: set[int]) -> set[int]:
    """Operators whose vectors no other one computes on: real numbers that are the answer."""
    known = {number: number for number in computing}
    read = {n for number in computing for n in file.sources(file.nodes[number], known)}
    return {
        number
        for number in computing - read
        if file.nodes[number].op_type not in _CHOOSING
        and file.nodes[number].output[0] in file.types
        and len(file.shape(file.nodes[number].output[0])) == 2
    }


def _run(runner: Any, feed: dict[str, Array]) -> dict[str, Array]:
    wanted = {value.name for value in runner.get_inputs()}
    names = [value.name for value in runner.get_outputs()]
    given = {name: values for name, values in feed.items() if name in wanted}
    return dict(zip(names, runner.run(names, given), strict=True))


def _records(
    file: OnnxGraph,
    baseline: OnnxGraph,
    pairs: dict[int, str | None],
    gathered: dict[int, OutputStatistics],
    request: LayerRequest,
    mine: OperatorTimes,
    theirs: OperatorTimes,
) -> tuple[OperatorRecord, ...]:
    names = LayerNames(
        request.layers, (n for node in file.nodes for n in (*node.output, node.name))
    )
    places = {number: place for place, number in enumerate(pairs)}
    layers = with_nameless([_layers(file, file.nodes[n], names) for n in pairs], request.layers)
    called = file.node_names()
    counted: tuple[set[str], set[str]] = set(), set()
    records = []
    for number, match in pairs.items():
        node = file.nodes[number]
        merged = [] if match is None else baseline.merged(match, {p for p in pairs.values() if p})
        weights = (baseline.weights(each).values for each in merged)
        real = next((each for each in weights if each is not None), None)
        one = gathered.get(number)
        records.append(
            OperatorRecord(
                kind=node.op_type,
                name=node.output[0],
                node=called[number],
                twin=match,
                layers=layers[places[number]],
                arithmetic=file.arithmetic(node),
                sources=tuple(dict.fromkeys(places[n] for n in file.sources(node, places))),
                weight_bytes=_bytes(file, [node], counted[0]),
                twin_weight_bytes=_bytes(baseline, merged, counted[1]),
                microseconds=mine.microseconds.get(number),
                twin_microseconds=_sum(
                    theirs.microseconds, [baseline.places[id(m)] for m in merged]
                ),
                executor=mine.executors.get(number),
                faster=_FASTER.get(node.op_type, ""),
                **({} if one is None else one.figures()),
                **weight_figures(real, file.weights(node)),
            )
        )
    return tuple(records)


def _layers(file: OnnxGraph, node: Any, names: LayerNames) -> tuple[str, ...]:
    return names.of(node.name, node.output[0]) or names.of(*file.constants_of(node))


def _bytes(graph: OnnxGraph, nodes: list[Any], counted: set[str]) -> int:
    sizes: dict[str, int] = {}
    for node in nodes:
        sizes.update(graph.constant_bytes(node))
    own = {name: size for name, size in sizes.items() if name not in counted}
    counted.update(own)
    return sum(own.values())


def _sum(times: dict[int, float], numbers: list[int]) -> float | None:
    known = [times[n] for n in numbers if n in times]
    return sum(known) if known else None
