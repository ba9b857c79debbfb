"""What follows from comparing a file with its float twin, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from zoo.analysis.layer_ranking import (
    HARMLESS_DB,
    INPUTS,
    KERNEL,
    OUTPUT,
    WEIGHTS,
    SensitiveLayer,
    sensitive_layers,
)
from zoo.contracts import LayerComparison, OperatorRecord
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.analysis.file_facts import FileFacts

#: So many of the worst operators are told in sentences.
_TOLD = 3
#: An operator that takes less than this share of the file's time is not worth a sentence.
_SHARE = 0.05
#: From this factor on an operator is called slower than its twin's.
_SLOWER = 1.25
#: Below this factor two times are the same.
_SAME = 1.05
#: Shares of values beyond the range below this are the price of a finer step.
_CLIPS = 0.001


def findings(found: LayerComparison, file: FileFacts, twin: FileFacts) -> Iterator[str]:
    """Size, quality, worst layers, ranges, float islands, time and who computes what."""
    yield _size(file, twin)
    yield from _quality(found, file, twin)
    worst = [c for c in sensitive_layers(found) if c.decibels < HARMLESS_DB]
    for culprit in worst[:_TOLD]:
        yield describe_operator(found, culprit)
    yield from _clipping(found.operators)
    yield from _islands(found)
    yield from _time(found)
    yield from _undelegated(found.operators)


def _size(file: FileFacts, twin: FileFacts) -> str:
    unit = fmt.size_unit([file.bytes, twin.bytes])
    sizes = f"{unit.with_symbol(file.bytes)} against {unit.with_symbol(twin.bytes)}"
    rest = file.bytes - file.weight_bytes
    part = f"{fmt.share(rest / file.bytes, 0)} % of it is the graph and the manifest, not weights"
    if file.model_bytes >= twin.model_bytes:
        by = fmt.ratio(file.model_bytes / max(twin.model_bytes, 1))
        return f"The file is not smaller than its float twin but {by} as large: {sizes}; {part}."
    by = fmt.ratio(twin.model_bytes / max(file.model_bytes, 1))
    weights = fmt.ratio(twin.weight_bytes / max(file.weight_bytes, 1))
    return (
        f"The model is {by} smaller than its float twin, its weights {weights} ({sizes} with "
        f"manifests); {part}."
    )


def _quality(found: LayerComparison, file: FileFacts, twin: FileFacts) -> Iterator[str]:
    told = [r for r in found.operators if r.sqnr_db is not None]
    end = (
        f"at its output {decibels(told[-1].sqnr_db)} signal to noise, over {found.examples} inputs"
        if told
        else ""
    )
    if file.metric is None or twin.metric is None:
        if end:
            yield f"Against its float twin the file has {end}."
        return
    lost = twin.metric.lost_by(file.metric)
    unit = twin.metric.loss_unit
    change = (
        f"as good as the float twin in {file.metric.name}"
        if lost == 0
        else f"{fmt.number(abs(lost), 2)} {unit} {'worse' if lost > 0 else 'better'} than the "
        f"float twin in {file.metric.name}"
    )
    values = f"{fmt.metric_value(file.metric)} against {fmt.metric_value(twin.metric)}"
    yield f"The file is {change} ({values})" + (f", with {end}." if end else ".")


def describe_operator(found: LayerComparison, culprit: SensitiveLayer) -> str:
    """One operator that loses much, and why."""
    record = found.operators[culprit.place]
    start = (
        f"{layers_of(record)} ({record.kind}) adds noise of its own: {decibels(culprit.decibels)}"
    )
    if culprit.cause == WEIGHTS:
        shared = record.weight_scales == 1 and (record.weight_spread or 0) > 1.5
        channels = (
            f"; all output channels share one scale, and the largest weight of one is "
            f"{fmt.ratio(record.weight_spread)} that of another"
            if shared
            else ""
        )
        return f"{start}, from its weights ({decibels(record.weight_sqnr_db)}){channels}."
    if culprit.cause == INPUTS:
        ranges = [_range(found.operators[n]) for n in record.sources]
        named = "; ".join(text for text in ranges if text)
        return f"{start}, from the range of its inputs" + (f": {named}." if named else ".")
    if culprit.cause == OUTPUT:
        return f"{start}, from the range of its output: {_range(record)}."
    assert culprit.cause == KERNEL
    return f"{start}, from how its kernel computes: neither range nor weights explain it."


def _range(record: OperatorRecord) -> str:
    if record.range_low is None or record.low is None:
        return ""
    holds = f"{fmt.number(record.range_low)} to {fmt.number(record.range_high)}"
    values = f"{fmt.number(record.low)} to {fmt.number(record.high)}"
    return f"that of {layers_of(record)} holds {holds}, its values are {values}"


def _clipping(records: Sequence[OperatorRecord]) -> Iterator[str]:
    clipping = [r for r in records if clips(r)]
    clipping.sort(key=lambda r: -(r.clipped or 0))
    for record in clipping[:_TOLD]:
        yield (
            f"The range of {layers_of(record)} clips: {fmt.share(record.clipped, 2)} % of its "
            f"values lie beyond; {_range(record)}."
        )


def clips(record: OperatorRecord) -> bool:
    """Whether more than a few values lie more than a few steps beyond the range."""
    ends = (record.low, record.high, record.range_low, record.range_high)
    if record.clipped is None or record.clipped < _CLIPS or None in ends:
        return False
    low, high, least, most = (float(value or 0.0) for value in ends)
    return max(least - low, high - most) > 0.02 * (most - least)


def _islands(found: LayerComparison) -> Iterator[str]:
    kinds = {record.arithmetic for record in found.operators}
    islands = [r for r in found.operators if r.arithmetic == "float"]
    if not islands or kinds == {"float"}:
        return
    named = fmt.listed(dict.fromkeys(f"{layers_of(r)} ({r.kind})" for r in islands[:8]))
    more = f" and {len(islands) - 8} more" if len(islands) > 8 else ""
    total, spent = total_time(found), sum(r.microseconds or 0.0 for r in islands)
    overhead = sum(found.overhead.values())
    cost = ""
    if total:
        cost = (
            f" They take {fmt.share(spent / total, 0)} % of the operators' time, and moving and "
            f"converting values takes {fmt.share(overhead / total, 0)} %."
        )
    yield f"Computed in float: {named}{more}.{cost}"


def total_time(found: LayerComparison, *, twin: bool = False) -> float:
    """Sum of all operators' times in microseconds; 0 where nothing was timed."""
    if twin:
        own = sum(r.twin_microseconds or 0.0 for r in found.operators)
        return own + sum(found.twin_overhead.values())
    return sum(r.microseconds or 0.0 for r in found.operators) + sum(found.overhead.values())


def slower(found: LayerComparison) -> list[OperatorRecord]:
    """Operators that cost the file time against its twin, those that cost the most first."""
    total = total_time(found)
    costly = [
        r
        for r in found.operators
        if r.microseconds is not None
        and r.twin_microseconds is not None
        and r.microseconds > _SLOWER * r.twin_microseconds
        and r.microseconds > _SHARE * total
    ]
    return sorted(costly, key=_cost, reverse=True)


def _cost(record: OperatorRecord) -> float:
    return (record.microseconds or 0.0) - (record.twin_microseconds or 0.0)


def _time(found: LayerComparison) -> Iterator[str]:
    mine, theirs = total_time(found), total_time(found, twin=True)
    if not mine or not theirs:
        return
    sums = f"{_time_text(mine)} against {_time_text(theirs)}"
    factor = max(mine, theirs) / min(mine, theirs)
    if factor < _SAME:
        yield f"Its operators together take about as long as the twin's: {sums}."
    else:
        way = "slower" if mine > theirs else "faster"
        yield f"Its operators together are {fmt.ratio(factor)} {way} than the twin's: {sums}."
    for record in slower(found)[:_TOLD]:
        yield (
            f"{layers_of(record)} ({record.kind}) is slower than in the twin: "
            f"{_time_text(record.microseconds)} against {_time_text(record.twin_microseconds)}."
        )


def _time_text(microseconds: float | None) -> str:
    value = None if microseconds is None else microseconds / 1000
    return fmt.time_unit([value]).with_symbol(value)


def _undelegated(records: Sequence[OperatorRecord]) -> Iterator[str]:
    """Operators that a delegate left to others, where it took some."""
    by: dict[str, list[OperatorRecord]] = {}
    for record in records:
        if record.executor is not None:
            by.setdefault(record.executor, []).append(record)
    if len(by) < 2:
        return
    most = max(by, key=lambda name: len(by[name]))
    for name, own in by.items():
        if name != most:
            named = fmt.listed(dict.fromkeys(f"{layers_of(r)} ({r.kind})" for r in own[:8]))
            yield f"Not computed by {most} but by {name} kernels: {named}."


def layers_of(record: OperatorRecord) -> str:
    """The layers of an operator; its own name where no layer is known."""
    return "+".join(record.layers) or fmt.plain(record.name, 40)


def decibels(value: float | None) -> str:
    """``35.2 dB``."""
    return fmt.MISSING if value is None else f"{value:.1f} dB".replace("-", fmt.MINUS)
