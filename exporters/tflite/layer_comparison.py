"""Layer comparison of a TFLite file with its float32 baseline, in LiteRT.

Both files run with all tensors kept, by the runtime's own kernels: XNNPACK keeps none. To
separate an operator's own error, the file is cut between its operators and each is fed with the
baseline's values; fed with these rounded, the baseline shows how much comes from the inputs.
"""

from __future__ import annotations

import importlib.metadata
from collections import defaultdict
from dataclasses import dataclass

from zoo.contracts import LayerComparison, LayerRequest, OperatorRecord
from zoo.contracts.layers import ARITHMETICS
from zoo.networks.layer_names import LayerNames, with_nameless

from ..quantization.quantization_error import OutputStatistics, weight_figures
from .graph import Operator, TfliteGraph
from .profiling import OperatorTimes, time_operators
from .runner import Array, Runner

_KERNELS = (
    "Errors are those of LiteRT's own kernels, which keep every tensor; XNNPACK, which runs the "
    "file elsewhere, may differ by one step in a few values."
)
#: Kinds that answer with probabilities, which have one size.
_CHOOSING = ("SOFTMAX", "LOGISTIC")
#: Kinds and arithmetics whose kernels have no instructions of x86: other forms may be faster.
_FASTER = {("UNIDIRECTIONAL_SEQUENCE_LSTM", "integer"): "--recurrent unrolled"}


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """An operator and its counterpart in the baseline, if there is one."""

    number: int
    baseline: int | None


def compare_layers(request: LayerRequest) -> LayerComparison:
    """Runs both files on every input; see `zoo.contracts.Exporter.compare_layers`."""
    file, baseline = TfliteGraph(request.path), TfliteGraph(request.baseline)
    pairs = _pairs(file, baseline)
    gathered = _gather(file, baseline, pairs, request)
    examples = request.inputs[:1]
    mine = time_operators(request.path, file, examples, request.runs)
    theirs = time_operators(request.baseline, baseline, examples, request.runs)
    notes = [_KERNELS]
    if request.runs:
        notes.append(mine.note)
    return LayerComparison(
        runtime="litert",
        runtime_version=importlib.metadata.version("ai-edge-litert"),
        examples=len(request.inputs),
        operators=_records(file, baseline, pairs, gathered, request, mine, theirs),
        overhead=_overhead(file, mine),
        twin_overhead=_overhead(baseline, theirs),
        notes=tuple(notes),
        graph=file.graph_name(),
    )


def _pairs(file: TfliteGraph, baseline: TfliteGraph) -> list[_Pair]:
    """Operators by the name of their output; those that have another name by kind and shape."""
    named = {op.name: n for n, op in enumerate(baseline.operators) if op.arithmetic in ARITHMETICS}
    found: dict[int, int | None] = {}
    wanted = [n for n, op in enumerate(file.operators) if op.arithmetic in ARITHMETICS]
    for number in wanted:
        operator = file.operators[number]
        place = named.get(operator.name)
        same = place is not None and _shape(baseline, place) == _shape(file, number)
        found[number] = place if same else None
    free = [n for n in named.values() if n not in found.values()]
    for number in (n for n in wanted if found[n] is None):
        alike = [
            n
            for n in free
            if baseline.operators[n].kind == file.operators[number].kind
            and _shape(baseline, n) == _shape(file, number)
        ]
        if alike:
            found[number] = alike[0]
            free.remove(alike[0])
    return [_Pair(number=n, baseline=found[n]) for n in wanted]


def _shape(graph: TfliteGraph, number: int) -> tuple[int, ...]:
    return graph.shape(graph.operators[number].outputs[0])


def _gather(
    file: TfliteGraph, baseline: TfliteGraph, pairs: list[_Pair], request: LayerRequest
) -> dict[int, OutputStatistics]:
    out = {p.number: file.operators[p.number].outputs[0] for p in pairs if p.baseline is not None}
    theirs = {
        p.number: baseline.operators[p.baseline].outputs[0] for p in pairs if p.baseline is not None
    }
    ends = _ends(file, {pair.number for pair in pairs})
    gathered = {
        n: OutputStatistics(integers=file.integers(place), answers=n in ends)
        for n, place in out.items()
    }
    # Integers with a scale for each channel cannot be fed from real numbers here.
    fed = {n for n in out if file.is_float(out[n]) or gathered[n].integers is not None}
    cut_file = Runner(*file.cut({out[n] for n in fed}))
    cut_baseline = Runner(*baseline.cut({theirs[n] for n in fed}))
    whole_file, whole_baseline = Runner(request.path), Runner(request.baseline)
    for example in request.inputs:
        example = example[None]
        whole_baseline.run(example)
        real = {n: whole_baseline.value(place).copy() for n, place in theirs.items()}
        whole_file.run(example)
        for n, one in gathered.items():
            one.add(real[n], one.real(whole_file.value(out[n])))
        given = {out[n]: _given(file, out[n], real[n], gathered[n]) for n in fed}
        cut_file.run(example, given)
        rounded = {theirs[n]: gathered[n].rounded(real[n]) for n in fed}
        cut_baseline.run(example, rounded)
        for n, one in gathered.items():
            one.own.add(real[n], one.real(cut_file.value(out[n])))
            one.inputs.add(real[n], cut_baseline.value(theirs[n]))
    return gathered


def _ends(file: TfliteGraph, computing: set[int]) -> set[int]:
    """Operators whose vectors no other one computes on: real numbers that are the answer."""
    known = {number: number for number in computing}
    read = {n for number in computing for n in _sources(file, file.operators[number], known)}
    return {
        number
        for number in computing - read
        if file.operators[number].kind not in _CHOOSING and len(_shape(file, number)) == 2
    }


def _given(file: TfliteGraph, place: int, real: Array, one: OutputStatistics) -> Array:
    return real.astype(file.dtype(place)) if one.integers is None else one.integers.of(real)


def _records(
    file: TfliteGraph,
    baseline: TfliteGraph,
    pairs: list[_Pair],
    gathered: dict[int, OutputStatistics],
    request: LayerRequest,
    mine: OperatorTimes,
    theirs: OperatorTimes,
) -> tuple[OperatorRecord, ...]:
    names = LayerNames(request.layers, (op.name for op in file.operators))
    said = [names.of(file.operators[pair.number].name) for pair in pairs]
    layers = with_nameless(said, request.layers)
    place = {pair.number: n for n, pair in enumerate(pairs)}
    counted: tuple[set[int], set[int]] = set(), set()
    records = []
    for pair in pairs:
        operator = file.operators[pair.number]
        other = None if pair.baseline is None else baseline.operators[pair.baseline]
        real = None if other is None else baseline.weights(other).values
        one = gathered.get(pair.number)
        records.append(
            OperatorRecord(
                kind=operator.kind,
                name=operator.name,
                node=str(pair.number),
                twin=None if other is None else other.name,
                layers=layers[place[pair.number]],
                arithmetic=operator.arithmetic,
                sources=tuple(dict.fromkeys(place[n] for n in _sources(file, operator, place))),
                weight_bytes=_bytes(file, operator, counted[0]),
                twin_weight_bytes=0 if other is None else _bytes(baseline, other, counted[1]),
                microseconds=mine.microseconds.get(pair.number),
                twin_microseconds=None
                if pair.baseline is None
                else theirs.microseconds.get(pair.baseline),
                executor=mine.executors.get(pair.number),
                faster=_FASTER.get((operator.kind, operator.arithmetic), ""),
                **({} if one is None else one.figures()),
                **weight_figures(real, file.weights(operator)),
            )
        )
    return tuple(records)


def _sources(file: TfliteGraph, operator: Operator, known: dict[int, int]) -> list[int]:
    """The computing operators behind an operator's inputs."""
    found = []
    wanted = list(operator.variables)
    while wanted:
        maker = file.producers.get(wanted.pop(0))
        if maker is None:
            continue
        if maker in known:
            found.append(maker)
        else:
            wanted += file.operators[maker].variables
    return found


def _bytes(graph: TfliteGraph, operator: Operator, counted: set[int]) -> int:
    """Bytes of constants that no operator before had."""
    own = {b: size for b, size in graph.constant_bytes(operator).items() if b not in counted}
    counted.update(own)
    return sum(own.values())


def _overhead(graph: TfliteGraph, times: OperatorTimes) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for number, operator in enumerate(graph.operators):
        if operator.arithmetic not in ARITHMETICS and operator.variables:
            found[operator.kind] += times.microseconds.get(number, 0.0)
    return dict(found)
