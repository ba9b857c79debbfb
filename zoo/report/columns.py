"""The files of a run as columns of text in common units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.pipeline.rows import ArtifactRow
from zoo.results import formatting as fmt
from zoo.tasks.quality import loss_unit

#: In the place of a metric, where nothing was measured for want of labels.
NO_LABELS = "no labels"


@dataclass(frozen=True, kw_only=True)
class FileCells:
    """One file; every field is text ready to show, `fmt.MISSING` for what was not measured."""

    row: ArtifactRow
    file: str
    precision: str
    size: str
    ratio: str
    accuracy: str
    accuracy_short: str
    interval: str
    change: str
    parity: str
    max_abs: str
    latency: str
    latency_interval: str
    about: str


@dataclass(frozen=True, kw_only=True)
class FileColumns:
    """All files of a run.

    Attributes:
        size_unit: Of `FileCells.size`.
        time_unit: Of `latency` and `latency_interval`.
        points: Whether that metric is in per cent, so that its change is in points.
        sign: Unit of that metric with a space before it, `` dB``; empty where it has none.
        labelled: Whether there were labels to measure that metric by.
        change: Heading of the change: in points, or in per cent of a distance.
        change_head: The same on a page.
        parity: Name of what tells how like the reference a file is, with its unit.
        cells: One per file, in the order of the rows.
    """

    size_unit: fmt.Unit
    time_unit: fmt.Unit
    metric: str
    points: bool
    sign: str
    change: str
    change_head: str
    parity: str
    measured: bool
    labelled: bool
    cells: tuple[FileCells, ...]


def file_columns(rows: Sequence[ArtifactRow]) -> FileColumns:
    """Turns rows into text, one unit per column."""
    sizes = fmt.size_unit(row.bytes for row in rows)
    files = [one for row in rows for one in row.files]
    times = fmt.time_unit(value for one in files for value in (one.p50_ms, one.p90_ms))
    metrics = [row.accuracy for row in rows if row.accuracy is not None]
    unlabelled = any(row.agreement is not None for row in rows)
    return FileColumns(
        size_unit=sizes,
        time_unit=times,
        metric=fmt.plain(metrics[0].name) if metrics else NO_LABELS if unlabelled else "accuracy",
        labelled=bool(metrics) or not unlabelled,
        points=(shares := all(fmt.is_share(metric) for metric in metrics)),
        sign=f" {metrics[0].unit}" if metrics and metrics[0].unit else "",
        change="Δ" if shares else f"Δ {loss_unit(metrics)}",
        change_head=change_head(loss_unit(metrics)),
        parity="signal to noise, dB" if any(r.sqnr_db is not None for r in rows) else "parity %",
        measured=any(one.p50_ms is not None for one in files),
        cells=tuple(_cells(row, sizes, times) for row in rows),
    )


def change_head(unit: str) -> str:
    """Heading of the change of a metric."""
    return f"Change, {unit}"


def _cells(row: ArtifactRow, sizes: fmt.Unit, times: fmt.Unit) -> FileCells:
    precision, runtime = fmt.plain(row.precision), fmt.plain(row.runtime or "")
    precision += " qat" if row.trained else ""
    latency = fmt.MISSING
    if row.p50_ms is not None:
        latency = f"{times.text(row.p50_ms)} / {times.text(row.p90_ms)}"
    if any(part.p50_ms is not None for part in row.parts):
        # Each file's own, side by side: nobody has measured what they take together.
        latency = " + ".join(times.text(part.p50_ms) for part in row.parts)
        runtime = fmt.plain(row.parts[0].runtime or runtime)
    # That a float file computes in floats goes without saying; that an integer one does, does not.
    tells = row.integer_share is not None and not (
        row.integer_share == 0 and row.arithmetic in ("", "float")
    )
    integer = f"{fmt.share(row.integer_share, 0)} % integer operators" if tells else ""
    threads = "" if row.threads is None else fmt.count(row.threads, "thread")
    return FileCells(
        row=row,
        file=fmt.plain(row.file),
        precision=precision,
        size=sizes.text(row.bytes),
        ratio=fmt.ratio(row.size_ratio),
        accuracy=fmt.metric_value(row.accuracy),
        accuracy_short=fmt.metric_short(row.accuracy),
        interval=fmt.metric_interval(row.accuracy),
        change=_change(row),
        parity=fmt.share(row.agreement) if row.sqnr_db is None else f"{row.sqnr_db:.1f}",
        max_abs=fmt.number(row.max_abs, 2),
        latency=latency,
        latency_interval=fmt.time_interval(row.p50_low, row.p50_high, times),
        about=", ".join(part for part in (precision, integer, runtime, threads) if part),
    )


def _change(row: ArtifactRow) -> str:
    """In the metric's own direction: a distance that rose has a plus."""
    rises = row.accuracy is not None and not row.accuracy.higher_is_better
    drop = -row.drop_points if rises and row.drop_points is not None else row.drop_points
    return fmt.change(drop)
