"""The files of a run as programs take them: where each is, what it is, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.brief import Brief
from zoo.common.optional_imports import require
from zoo.common.shown_text import printable
from zoo.common.views import Viewed
from zoo.contracts.device import Clock
from zoo.contracts.task import Check, Metric
from zoo.pipeline.rows import ArtifactRow, PartRow, Verdict, rows_of
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.pipeline.run import Run


@dataclass(frozen=True, kw_only=True, repr=False)
class FileLatency(Brief):
    """How long one inference of a file takes.

    Attributes:
        p50_ms: Median, milliseconds.
        p90_ms: 90th percentile.
        p50_low_ms: Lower end of the median's interval.
        p50_high_ms: Upper end.
        where: Device, and the delegate or execution provider there.
        quiet: Whether the host was quiet while it was measured; None when nobody measured.
        clock: What the times are; only ``real`` ones are the device's own.
    """

    p50_ms: float
    p90_ms: float | None
    p50_low_ms: float | None
    p50_high_ms: float | None
    where: str
    runtime: str | None
    threads: int | None
    quiet: bool | None
    clock: Clock


@dataclass(frozen=True, kw_only=True, repr=False)
class RunFile:
    """A file that a run made, or failed to make.

    Attributes:
        path: None for one that was not made.
        name: File name; of one that was not made, the one it would have had.
        trained: Whether the ranges of its integers were trained, not calibrated.
        part: Which of several files of one model; empty for the only one.
        verdict: ``passed``, ``rejected``, ``failed`` or ``skipped``; of several files, of all.
        reason: What happened, why, and what to do; empty when there is nothing to say.
        size: Bytes; None for one that was not made.
        metrics: By name, on the whole test split, with intervals; of several files, of all.
        latency: None where it was not measured.
        checks: Of the gate.
    """

    path: Path | None
    name: str
    format: str
    precision: str
    trained: bool = False
    part: str = ""
    verdict: Verdict
    reason: str = ""
    size: int | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    latency: FileLatency | None = None
    checks: tuple[Check, ...] = ()

    def __repr__(self) -> str:
        words = [f"{self.name}  {self.verdict}"]
        if self.size is not None:
            words.append(fmt.size_unit([self.size]).with_symbol(self.size))
        words += [f"{m.name} {fmt.metric_value(m)}" for m in list(self.metrics.values())[:1]]
        if self.latency is not None:
            unit = fmt.time_unit([self.latency.p50_ms])
            words.append(f"p50 {unit.with_symbol(self.latency.p50_ms)}")
        if self.verdict != "passed" and self.reason:
            words.append(fmt.plain(self.reason, 80))
        return printable("  ".join(words))


class RunFiles(Viewed, tuple[RunFile, ...]):
    """The files of a run in the order of its table."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no files"

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each file.

        Raises:
            MissingExtra: pandas is not installed.
        """
        return require("pandas").DataFrame([_flat(file) for file in self])


def _flat(file: RunFile) -> dict[str, Any]:
    time = file.latency
    values = {name: metric.value for name, metric in file.metrics.items()}
    return {
        "file": file.name,
        "path": None if file.path is None else str(file.path),
        "format": file.format,
        "precision": file.precision,
        "trained": file.trained,
        "part": file.part,
        "verdict": file.verdict,
        "reason": file.reason,
        "size": file.size,
        **values,
        "p50_ms": None if time is None else time.p50_ms,
        "p90_ms": None if time is None else time.p90_ms,
        "where": None if time is None else time.where,
        "runtime": None if time is None else time.runtime,
        "threads": None if time is None else time.threads,
        "quiet": None if time is None else time.quiet,
        "clock": None if time is None else time.clock,
    }


def files_of(run: Run) -> RunFiles:
    """Every file that a run made or failed to make; of a model of several files each."""
    judged = {gate.result.file: gate.result for gate in run.gates}
    files = []
    for row in rows_of(run):
        gate = judged.get(row.file)
        for one in row.files:
            files.append(
                RunFile(
                    path=None if gate is None else run.folder / one.file,
                    name=one.file,
                    format=row.format,
                    precision=row.precision,
                    trained=row.trained,
                    part=one.part if isinstance(one, PartRow) else "",
                    verdict=row.verdict,
                    reason=row.reason,
                    size=one.bytes,
                    metrics={m.name: m for m in gate.evaluation.metrics} if gate else {},
                    latency=_latency(one),
                    checks=row.checks,
                )
            )
    return RunFiles(files)


def _latency(one: ArtifactRow | PartRow) -> FileLatency | None:
    if one.p50_ms is None:
        return None
    return FileLatency(
        p50_ms=one.p50_ms,
        p90_ms=one.p90_ms,
        p50_low_ms=one.p50_low,
        p50_high_ms=one.p50_high,
        where=one.ran_on,
        runtime=one.runtime,
        threads=one.threads,
        quiet=one.quiet,
        clock=one.clock,
    )
