"""Findings in plain language, drawn from the figures alone."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence

from zoo.contracts.precision import BASELINE
from zoo.contracts.task import Metric
from zoo.pipeline.rows import ArtifactRow
from zoo.results.formatting import (
    MISSING,
    count,
    interval_ends,
    is_share,
    listed,
    metric_interval,
    metric_value,
    number,
    ratio,
    time_unit,
)
from zoo.tasks.quality import loss_unit

#: A network whose float file answers within this time is called small.
_SMALL_MS = 1.0

#: A slowdown by this much is told even when a measurement was noisy.
_PLAIN_RATIO = 1.25

#: With fewer test examples than this, a remark says how much one of them weighs.
_FEW_EXAMPLES = 1000


def remarks(rows: Sequence[ArtifactRow], folder: str = "") -> tuple[str, ...]:
    """What a reader should know about these files, the most useful first.

    Speed is compared between a file and its float32 twin: same format, runtime and threads. Two
    medians differ only when their intervals do not touch; else the remark says "cannot tell".

    Args:
        rows: Of one run.
        folder: Where the files lie, for the command that measures again; empty: no command.
    """
    passed = [row for row in rows if row.verdict == "passed"]
    return (
        *_accuracy(passed),
        *_repairs(rows),
        *_left_in_float(rows),
        *_unsure(passed),
        *_speed(passed),
        *_noise(rows, folder),
        *_untested(rows),
    )


def twin(row: ArtifactRow, rows: Sequence[ArtifactRow]) -> ArtifactRow | None:
    """The float32 file to compare `row` with; None when there is none, or `row` is one."""
    if row.precision == BASELINE.name:
        return None
    place = (row.format, row.runtime, row.threads)
    twins = (r for r in rows if r.precision == BASELINE.name)
    return next((r for r in twins if (r.format, r.runtime, r.threads) == place), None)


def _accuracy(passed: Sequence[ArtifactRow]) -> Iterator[str]:
    known = [r for r in passed if r.drop_points is not None and math.isfinite(r.drop_points)]
    if not known:
        return
    worst = max(known, key=_drop)
    metric = worst.accuracy
    if metric is not None and not metric.higher_is_better:
        yield from _distance(worst, metric)
        return
    name = metric.name if metric else "quality"
    if _drop(worst) <= 0:
        yield (
            f"No file that passed lost {name} against the network it was exported from"
            f"{_basis(worst)}."
        )
    else:
        unit = loss_unit([metric] if metric else [])
        at = f", which leaves {metric_value(metric)}" if metric else ""
        yield (
            f"{worst.file} lost the most {name} of the files that passed: "
            f"{number(_drop(worst), 2)} {unit}{at}{_basis(worst)}."
        )
    if metric and 0 < metric.count < _FEW_EXAMPLES:
        interval = metric_interval(metric)
        counted = f"{metric.count} {metric.counted}s"
        told = [f"it has {counted}"]
        if is_share(metric):
            told = [f"one of its {counted} weighs {number(100 / metric.count, 2)} points"]
        if interval != MISSING:
            told.append(f"and the 95 % interval of {worst.file} is {interval}")
        yield f"The test split is small: {', '.join(told)}. Judge small differences with care."


def _repairs(rows: Sequence[ArtifactRow]) -> Iterator[str]:
    for row in rows:
        if row.remark:
            yield f"{row.file}: {row.remark}"


def _left_in_float(rows: Sequence[ArtifactRow]) -> Iterator[str]:
    for row in rows:
        if row.left_in_float:
            yield (
                f"{row.file}: {row.left_in_float} of the multiply-adds stayed in float, which "
                "nobody asked for: the format has no integer form of them. --keep-float LAYER says "
                "that it is meant; `zoo explain` shows what it costs."
            )


def _unsure(passed: Sequence[ArtifactRow]) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for row in passed:
        for check in row.checks:
            if check.unsure:
                found.setdefault(f"{check.name} {check.unsure}", []).append(row.file)
    for told, files in found.items():
        yield f"Too few examples to be sure of {listed(files)}: {told}."


def _distance(worst: ArtifactRow, metric: Metric) -> Iterator[str]:
    if _drop(worst) <= 0:
        yield (
            f"No file that passed is at a greater {metric.name} than the network it was exported "
            f"from{_basis(worst)}."
        )
    else:
        yield (
            f"{worst.file} is the file that passed whose {metric.name} rose most: by "
            f"{number(_drop(worst), 2)} %, to {metric_value(metric)}{_basis(worst)}."
        )
    if 0 < metric.count < _FEW_EXAMPLES and metric.name.endswith("distance"):
        yield (
            f"The test split is small: distances from {metric.count} examples are far above zero "
            "even for real data. Compare them with such distances alone."
        )


def _basis(row: ArtifactRow) -> str:
    if row.accuracy is None:
        return ""
    return f", measured on {count(row.accuracy.count, f'test {row.accuracy.counted}')}"


def _speed(passed: Sequence[ArtifactRow]) -> Iterator[str]:
    unclear = []
    for row in passed:
        other = twin(row, passed)
        if other is None or not (row.timed and other.timed):
            continue
        if not (_usable(row.p50_ms) and _usable(other.p50_ms)):
            continue
        if row.quiet is False or other.quiet is False:
            if _delay(row, other) and _ms(row) >= _PLAIN_RATIO * _ms(other):
                yield _looks_slower(row, other)
        elif _delay(row, other):
            yield _slower(row, other)
        elif _delay(other, row):
            yield _faster(row, other)
        else:
            unclear.append((row, other))
    if unclear:
        which = "; ".join(_unclear(row, other) for row, other in unclear)
        yield f"Cannot tell which is faster, the file or its float32 twin: {which}."


def _slower(row: ArtifactRow, other: ArtifactRow) -> str:
    factor = _ms(row) / _ms(other)
    by = f"{ratio(factor)} slower" if factor >= 1.05 else "slightly slower"
    if _ms(other) < _SMALL_MS:
        lesson = f"on this host small networks gain nothing from {row.precision}"
    else:
        lesson = f"on this host {row.precision} costs time"
    instead = ""
    if row.size_ratio is not None and row.size_ratio > 1.05:
        instead = f", or {row.precision} where size counts ({ratio(row.size_ratio)} smaller)"
    return (
        f"{row.file} is {by} than its float32 twin ({_versus(row, other)}): {lesson}; "
        f"ship the float file here{instead}."
    )


def _looks_slower(row: ArtifactRow, other: ArtifactRow) -> str:
    return (
        f"{row.file} looks {ratio(_ms(row) / _ms(other))} slower than its float32 twin "
        f"({_versus(row, other)}), but that is noisy."
    )


def _faster(row: ArtifactRow, other: ArtifactRow) -> str:
    factor = _ms(other) / _ms(row)
    by = f"{ratio(factor)} faster" if factor >= 1.05 else "slightly faster"
    smaller = ""
    if row.size_ratio is not None and row.size_ratio > 1.05:
        smaller = f", and {ratio(row.size_ratio)} smaller"
    return f"{row.file} is {by} than its float32 twin ({_versus(row, other)}){smaller}."


def _unclear(row: ArtifactRow, other: ArtifactRow) -> str:
    mine, theirs = _interval(row), _interval(other)
    if mine is None or theirs is None:
        return f"{row.file} (an interval of the medians is missing)"
    unit = time_unit((*mine, *theirs))
    spans = (f"{unit.text(low)} to {unit.with_symbol(high)}" for low, high in (mine, theirs))
    return f"{row.file} (the intervals of the medians overlap, {' and '.join(spans)})"


def _noise(rows: Sequence[ArtifactRow], folder: str) -> Iterator[str]:
    noisy = [file for row in rows for file in row.noisy_files]
    unreal = [one for row in rows for one in row.files if one.clock != "real"]
    if unreal:
        yield (
            f"The times of {listed([row.file for row in unreal])} are {unreal[0].clock}: they tell "
            "nothing of the real device's, so no verdict on speed rests on them."
        )
    if noisy:
        which = "measurement was" if len(noisy) == 1 else "measurements were"
        yield (
            f"{len(noisy)} {which} noisy, the host was not quiet: {listed(noisy)}. Such latencies "
            "are shown but not published as good, and no verdict on speed rests on them; measure "
            f"again when nothing else runs on the host{_again(noisy, folder)}."
        )


def _again(files: Sequence[str], folder: str) -> str:
    return f": {_bench(files, folder)}" if folder else ""


def noisy_again(rows: Sequence[ArtifactRow], folder: str) -> str:
    """The command that times the noisy files of a folder anew; empty when none is noisy."""
    noisy = [file for row in rows for file in row.noisy_files]
    return _bench(noisy, folder) if noisy else ""


def _bench(files: Sequence[str], folder: str) -> str:
    return f"zoo bench {' '.join(shlex.quote(f'{folder}/{file}') for file in files)}"


def _untested(rows: Sequence[ArtifactRow]) -> Iterator[str]:
    lost = [row.file for row in rows if row.verdict in ("rejected", "failed")]
    if lost and len(lost) == len(rows):
        yield "No file of this run may be shipped: none passed."
    files = [one for row in rows if row.verdict == "passed" for one in row.files]
    unmeasured = [one.file for one in files if one.p50_ms is None]
    measured = any(one.p50_ms is not None for row in rows for one in row.files)
    if unmeasured and measured:
        yield f"Latency was not measured for {listed(unmeasured)}."


def _versus(row: ArtifactRow, other: ArtifactRow) -> str:
    unit = time_unit((row.p50_ms, other.p50_ms))
    digits = 2
    # Two figures that differ must not read the same.
    while digits < 5 and unit.text(row.p50_ms, digits) == unit.text(other.p50_ms, digits):
        digits += 1
    mine, theirs = (unit.with_symbol(r.p50_ms, digits) for r in (row, other))
    return f"{mine} against {theirs}"


def _delay(slow: ArtifactRow, fast: ArtifactRow) -> bool:
    mine, theirs = _interval(slow), _interval(fast)
    return mine is not None and theirs is not None and mine[0] > theirs[1]


def _interval(row: ArtifactRow) -> tuple[float, float] | None:
    return interval_ends(row.p50_low, row.p50_high)


def _usable(milliseconds: float | None) -> bool:
    return milliseconds is not None and math.isfinite(milliseconds) and milliseconds > 0


def _ms(row: ArtifactRow) -> float:
    return row.p50_ms or 0.0


def _drop(row: ArtifactRow) -> float:
    return row.drop_points or 0.0
