"""A run's files, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from zoo.artifacts.file_chain import name_of_all
from zoo.common.brief import Brief
from zoo.contracts import Clock, Exporter
from zoo.contracts.exporter import integer_share
from zoo.contracts.precision import BASELINE, TRAINABLE
from zoo.contracts.task import Check, Metric
from zoo.pipeline.steps.file_names import file_name
from zoo.pipeline.steps.step import StepId
from zoo.results.records import Attempt, Export, GatedFile, GateResult

if TYPE_CHECKING:
    from zoo.benchmark.compare.judgement import Judgement
    from zoo.pipeline.run import Run
    from zoo.pipeline.steps.budget import BudgetResult
    from zoo.pipeline.steps.step import FinishedStep, FinishedSteps
    from zoo.results.measurements import Energy, Measurement, Profile

Verdict = Literal["passed", "rejected", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True, repr=False)
class TimedFile(Brief):
    """A file and its latency, as far as it was measured.

    Attributes:
        p50_ms: Median latency of one inference in milliseconds; None when it was not timed.
        p90_ms: 90th percentile.
        p50_low: Lower end of the median's interval, milliseconds.
        p50_high: Upper end of the median's interval, milliseconds.
        runtime: What ran the file when its latency was measured.
        ran_on: Delegate or execution provider that ran its operators when it was timed.
        quiet: Whether the host was quiet while it was measured; None when nobody measured.
        clock: What its times are; only real ones are ranked, compared and drawn.
    """

    file: str
    p50_ms: float | None = None
    p90_ms: float | None = None
    p50_low: float | None = None
    p50_high: float | None = None
    runtime: str | None = None
    threads: int | None = None
    ran_on: str = ""
    quiet: bool | None = None
    clock: Clock = "real"


@dataclass(frozen=True, kw_only=True, repr=False)
class PartRow(TimedFile):
    """One of the files that make one model together.

    Attributes:
        part: ``encoder``.
        why_not: Why it was not timed, where that failed.
    """

    part: str
    bytes: int
    why_not: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class ArtifactRow(TimedFile):
    """One file of a run, or those of a model of several, with everything that was found out.

    Whatever was not measured is None; nothing is filled in.

    Attributes:
        file: File name; for an export that failed, the name it would have had.
        verdict: How the file ended: passed, rejected, failed or skipped.
        reason: What happened, why, and what to do; also for a file that passed and could not be
            timed. Empty when there is nothing to say.
        size_ratio: Size of the float32 twin divided by the size of this file; None for float32.
        accuracy: Headline metric of the file on the whole test split.
        drop_points: Points of that metric lost against the reference, or per cent by which a
            distance rose; negative: gained.
        agreement: Share of inputs with the reference's decision, 0 to 1.
        max_abs: Largest absolute difference of any output value from the reference.
        sqnr_db: Signal to noise against the reference, decibels; None where outputs are no signal.
        ssim: Structural similarity to the reference's images.
        integer_share: Share of computing operators that work on integers, 0 to 1.
        arithmetic: What operators of its precision compute on; empty in older rows.
        energy: What the device's meters counted for one inference.
        profile: What each operator takes, where that was asked.
        checks: The gate's checks in their order.
        remark: What was tried to make it lose less, in a sentence; empty when nothing was.
        left_in_float: What an integer file computes in float unasked: ``3.2% (conv1)``.
        attempts: Each file that was made for that: layers in float, what it loses, its bytes.
        trained: Whether the ranges of its integers were trained, not calibrated.
        budgets: Device and judgement of each budget that the recipe has for it.
        parts: The files of a model of several, each timed by itself; then `file` stands for all,
            sizes are sums, and there is no latency: how long they take together is not measured.
    """

    format: str
    precision: str
    verdict: Verdict
    reason: str = ""
    bytes: int | None = None
    size_ratio: float | None = None
    accuracy: Metric | None = None
    drop_points: float | None = None
    agreement: float | None = None
    max_abs: float | None = None
    sqnr_db: float | None = None
    ssim: float | None = None
    integer_share: float | None = None
    arithmetic: str = ""
    energy: tuple[Energy, ...] = ()
    profile: Profile | None = None
    checks: tuple[Check, ...] = ()
    remark: str = ""
    left_in_float: str = ""
    attempts: tuple[Attempt, ...] = ()
    trained: bool = False
    budgets: tuple[tuple[str, Judgement], ...] = ()
    parts: tuple[PartRow, ...] = ()

    @property
    def timed(self) -> bool:
        """Whether it has a latency that may be ranked and compared."""
        return self.p50_ms is not None and self.clock == "real"

    @property
    def files(self) -> tuple[PartRow | ArtifactRow, ...]:
        """What is timed by itself: each of several files, or the only one."""
        return self.parts or (self,)

    @property
    def noisy_files(self) -> tuple[str, ...]:
        """Names of its files with a real latency that was measured while the host was not quiet."""
        return tuple(
            one.file
            for one in self.files
            if one.quiet is False and one.p50_ms is not None and one.clock == "real"
        )


def rows_of(run: Run) -> tuple[ArtifactRow, ...]:
    """One row for each file that the run made or failed to make."""
    rows = []
    float_bytes: dict[str, int] = {}
    for exporter, gate in _gates(run):
        # A run that only trains has none.
        if gate not in run.finished or run.finished[gate].record.needless:
            continue
        parts = run.job.parts
        names = [
            file_name(
                run.job.model_id,
                gate.precision,
                exporter,
                trained=gate.trained,
                part=part,
                end_to_end=run.job.recipe.export.end_to_end,
            )
            for part in parts
        ]
        name = name_of_all(names, parts)
        benches = {part: _first_bench(run, replace(gate, part=part)) for part in parts}
        row = _row(run.finished, gate, name, benches, float_bytes)
        budgets = [
            run.finished[step]
            for device in run.job.devices
            if (step := replace(gate, kind="budget", device=device.name)) in run.finished
        ]
        arithmetic = run.job.registry.precision(gate.precision).arithmetic
        rows.append(with_budgets(replace(row, arithmetic=arithmetic), budgets))
    return tuple(rows)


def _gates(run: Run) -> Iterator[tuple[Exporter, StepId]]:
    """The gate of each file asked for, and the exporter of its format."""
    for exporter in run.job.exporters:
        for precision in run.job.precisions_of(exporter):
            gate = StepId(kind="gate", format=exporter.name, precision=precision)
            yield exporter, gate
            if precision == TRAINABLE.name and exporter in run.job.trained_exporters:
                yield exporter, replace(gate, trained=True)


def _first_bench(run: Run, gate: StepId) -> FinishedStep[Measurement] | None:
    # A device that stands in for another is shown where no real one was asked for.
    for device in sorted(run.job.devices, key=lambda device: device.clock != "real"):
        found = run.finished.get(replace(gate, kind="bench", device=device.name))
        if found is not None:
            return found
    return None


def _row(
    finished: FinishedSteps,
    id: StepId,
    name: str,
    benches: Mapping[str, FinishedStep[Measurement] | None],
    float_bytes: dict[str, int],
) -> ArtifactRow:
    gate: FinishedStep[GateResult] = finished[id]
    exports: list[FinishedStep[Export]] = [
        finished[replace(id, kind="export", part=part)] for part in benches
    ]
    format, precision = id.format, id.precision
    if not gate.judged:
        lost = [export.record for export in exports if not export.passed]
        broken = lost[0] if lost else gate.record
        return ArtifactRow(
            file=name,
            format=format,
            precision=precision,
            verdict=broken.status,
            reason=_one_line(broken.reason),
            trained=id.trained,
        )
    judged, made = gate.result, exports[0].result
    if precision == BASELINE.name:
        float_bytes[format] = judged.bytes
    twin = float_bytes.get(format)
    parts = tuple(_part_row(file, benches[file.part]) for file in judged.parts)
    bench = None if parts else next(iter(benches.values()))
    timed = bench.result if bench is not None and bench.passed else None
    reason = gate.record.reason
    if bench is not None and bench.record.status == "failed":
        reason = f"not timed: {_one_line(bench.record.reason)}"
    if failures := [f"{part.part} not timed: {part.why_not}" for part in parts if part.why_not]:
        reason = "; ".join(failures)
    return ArtifactRow(
        file=judged.file,
        format=format,
        precision=precision,
        trained=id.trained,
        verdict=gate.record.status,
        reason=reason,
        bytes=judged.bytes,
        size_ratio=twin / judged.bytes if twin and precision != BASELINE.name else None,
        accuracy=next(iter(judged.evaluation.metrics), None),
        drop_points=judged.drop,
        agreement=judged.network.agreement,
        max_abs=judged.network.max_abs,
        sqnr_db=judged.network.sqnr_db,
        ssim=judged.network.ssim,
        integer_share=integer_share([export.result.contents for export in exports]),
        p50_ms=timed.p50_ms if timed else None,
        p90_ms=timed.p90_ms if timed else None,
        p50_low=timed.p50_low_ms if timed else None,
        p50_high=timed.p50_high_ms if timed else None,
        runtime=timed.runtime if timed else judged.evaluation.runtime,
        threads=timed.threads if timed else None,
        ran_on=f"{timed.device}: {timed.ran_on}" if timed else "",
        energy=timed.energy if timed else (),
        profile=timed.profile if timed else None,
        quiet=timed.quiet if timed else None,
        clock=timed.clock if timed else "real",
        checks=judged.checks,
        remark=_one_line(made.remark),
        left_in_float=judged.left_in_float,
        attempts=made.attempts,
        parts=parts,
    )


def _part_row(file: GatedFile, bench: FinishedStep[Measurement] | None) -> PartRow:
    row = PartRow(part=file.part, file=file.file, bytes=file.bytes)
    if bench is None or not bench.passed:
        failed = bench is not None and bench.record.status == "failed"
        why = _one_line(bench.record.reason) if bench is not None and failed else ""
        return replace(row, why_not=why)
    timed = bench.result
    return replace(
        row,
        p50_ms=timed.p50_ms,
        p90_ms=timed.p90_ms,
        p50_low=timed.p50_low_ms,
        p50_high=timed.p50_high_ms,
        runtime=timed.runtime,
        threads=timed.threads,
        ran_on=f"{timed.device}: {timed.ran_on}",
        quiet=timed.quiet,
        clock=timed.clock,
    )


def _one_line(reason: str) -> str:
    """An error's three sentences, as a table has room for."""
    return "; ".join(line.strip() for line in reason.splitlines())


def with_budgets(row: ArtifactRow, steps: Sequence[FinishedStep[BudgetResult]]) -> ArtifactRow:
    """A file's row with what its budgets came to: one that is over one may not be shipped."""
    found = [
        (step.value.device, judgement)
        for step in steps
        if step.value is not None
        for judgement in step.value.judgements
    ]
    reasons = [s.record.reason for s in steps if s.record.reason and s.record.result is not None]
    over = any(judgement.verdict == "over" for _, judgement in found)
    return replace(
        row,
        budgets=tuple(found),
        verdict="rejected" if over and row.verdict == "passed" else row.verdict,
        reason="; ".join(part for part in (row.reason, *reasons) if part),
    )
