"""A run's files, one row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from zoo.contracts import Clock, Exporter, FileContents
from zoo.contracts.precision import BASELINE, TRAINABLE
from zoo.contracts.task import Check, Metric
from zoo.execution.examination import ExaminationRecord
from zoo.pipeline.engine import Finished
from zoo.pipeline.planning.common import cell_name
from zoo.pipeline.run import Run
from zoo.pipeline.steps.export import file_name
from zoo.results.measurements import Energy, Measurement, Profile
from zoo.results.records import Attempt, Evaluation, GateResult, StepRecord

if TYPE_CHECKING:
    from zoo.benchmark.compare.judgement import Judgement

_EXAMINATION = TypeAdapter(ExaminationRecord)
_GATE = TypeAdapter(GateResult)
_CONTENTS = TypeAdapter(FileContents)
_ATTEMPTS = TypeAdapter(tuple[Attempt, ...])
_MEASUREMENT = TypeAdapter(Measurement)
_EVALUATION = TypeAdapter(Evaluation)


Verdict = Literal["passed", "rejected", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class ArtifactRow:
    """One file of a run with everything that was found out about it.

    Whatever was not measured is None; nothing is filled in.

    Attributes:
        file: File name; for an export that failed, the name it would have had.
        format: Exporter name.
        precision: As exported.
        verdict: How the file ended: passed, rejected, failed or skipped.
        reason: What happened, why, and what to do; also for a file that passed and could not be
            timed. Empty when there is nothing to say.
        bytes: Size with the manifest.
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
        p50_ms: Median latency of one inference in milliseconds.
        p90_ms: 90th percentile.
        p50_low: Lower end of the median's interval, milliseconds.
        p50_high: Upper end of the median's interval, milliseconds.
        runtime: What ran the file when its latency was measured.
        threads: Threads the runtime was given.
        ran_on: Delegate or execution provider that ran its operators when it was timed.
        energy: What the device's meters counted for one inference.
        profile: What each operator takes, where that was asked.
        quiet: Whether the host was quiet while it was measured; None when nobody measured.
        checks: The gate's checks in their order.
        remark: What was tried to make it lose less, in a sentence; empty when nothing was.
        attempts: Each file that was made for that: layers in float, what it loses, its bytes.
        trained: Whether the ranges of its integers were trained, not calibrated.
        budgets: Device and judgement of each budget that the recipe has for it.
        clock: What its times are; only real ones are ranked, compared and drawn.
    """

    file: str
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
    p50_ms: float | None = None
    p90_ms: float | None = None
    p50_low: float | None = None
    p50_high: float | None = None
    runtime: str | None = None
    threads: int | None = None
    ran_on: str = ""
    energy: tuple[Energy, ...] = ()
    profile: Profile | None = None
    quiet: bool | None = None
    checks: tuple[Check, ...] = ()
    remark: str = ""
    attempts: tuple[Attempt, ...] = ()
    trained: bool = False
    budgets: tuple[tuple[str, Judgement], ...] = ()
    clock: Clock = "real"

    @property
    def timed(self) -> bool:
        """Whether it has a latency that may be ranked and compared."""
        return self.p50_ms is not None and self.clock == "real"


def judged(run: Run) -> list[Finished]:
    """The gates that ran their file, whatever they found."""
    return [
        f
        for f in run.finished.values()
        if f.record.kind == "gate" and f.record.status in ("passed", "rejected")
    ]


def rows_of(run: Run) -> tuple[ArtifactRow, ...]:
    """One row for each file that the run made or failed to make."""
    rows = []
    float_bytes: dict[str, int] = {}
    for exporter, precision, trained in _cells(run):
        cell = cell_name(exporter.name, precision, trained=trained)
        export = run.finished[f"export {cell}"].record
        gate = run.finished[f"gate {cell}"].record
        if gate.needless:
            continue
        name = file_name(run.job.model_id, precision, exporter, trained)
        bench = _first_bench(run, cell)
        arithmetic = run.job.registry.precision(precision).arithmetic
        row = _row(name, exporter.name, precision, export, gate, bench, float_bytes)
        rows.append(
            with_budgets(
                replace(row, trained=trained, arithmetic=arithmetic), _budget_steps(run, cell)
            )
        )
    return tuple(rows)


def _cells(run: Run) -> Iterator[tuple[Exporter, str, bool]]:
    """Format, precision, and whether its ranges were trained, of each file asked for."""
    for exporter in run.job.exporters:
        for precision in run.job.precisions:
            yield exporter, precision, False
            if precision == TRAINABLE.name and exporter in run.job.trained_exporters:
                yield exporter, precision, True


def _first_bench(run: Run, cell: str) -> StepRecord | None:
    # A device that stands in for another is shown where no real one was asked for.
    for device in sorted(run.job.devices, key=lambda device: device.clock != "real"):
        found = run.finished.get(f"bench {cell} {device.name}")
        if found is not None:
            return found.record
    return None


def _budget_steps(run: Run, cell: str) -> list[StepRecord]:
    names = (f"budget {cell} {device.name}" for device in run.job.devices)
    return [run.finished[name].record for name in names if name in run.finished]


def _row(
    name: str,
    format: str,
    precision: str,
    export: StepRecord,
    gate: StepRecord,
    bench: StepRecord | None,
    float_bytes: dict[str, int],
) -> ArtifactRow:
    if gate.status not in ("passed", "rejected") or gate.result is None:
        broken = export if export.status != "passed" else gate
        return ArtifactRow(
            file=name,
            format=format,
            precision=precision,
            verdict=broken.status,
            reason=_one_line(broken.reason),
        )
    judged = _GATE.validate_python(gate.result)
    contents = _CONTENTS.validate_python((export.result or {})["contents"])
    if precision == BASELINE.name:
        float_bytes[format] = judged.bytes
    twin = float_bytes.get(format)
    timed = None
    verdict, reason = gate.status, gate.reason
    if bench is not None and bench.status == "passed" and bench.result is not None:
        timed = _MEASUREMENT.validate_python(bench.result)
    elif bench is not None and bench.status == "failed":
        reason = f"not timed: {_one_line(bench.reason)}"
    return ArtifactRow(
        file=judged.file,
        format=format,
        precision=precision,
        verdict=verdict,
        reason=reason,
        bytes=judged.bytes,
        size_ratio=twin / judged.bytes if twin and precision != BASELINE.name else None,
        accuracy=judged.evaluation.metrics[0],
        drop_points=judged.drop,
        agreement=judged.network.agreement,
        max_abs=judged.network.max_abs,
        sqnr_db=judged.network.sqnr_db,
        ssim=judged.network.ssim,
        integer_share=contents.integer_share,
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
        remark=_one_line((export.result or {}).get("remark", "")),
        attempts=_ATTEMPTS.validate_python((export.result or {}).get("attempts", ())),
    )


def _one_line(reason: str) -> str:
    """An error's three sentences, as a table has room for."""
    return "; ".join(line.strip() for line in reason.splitlines())


def metrics_of(result: dict[str, Any] | None) -> tuple[Metric, ...]:
    """The metrics in an evaluation's dictionary, the headline first."""
    return TypeAdapter(tuple[Metric, ...]).validate_python((result or {})["metrics"])


def with_budgets(row: ArtifactRow, steps: Sequence[StepRecord]) -> ArtifactRow:
    """A file's row with what its budgets came to: one that is over one may not be shipped."""
    found = [
        (str(step.result["device"]), judgement)
        for step in steps
        if step.result is not None and "judgements" in step.result
        for judgement in _judgements(step)
    ]
    reasons = [step.reason for step in steps if step.reason and step.result is not None]
    over = any(judgement.verdict == "over" for _, judgement in found)
    return replace(
        row,
        budgets=tuple(found),
        verdict="rejected" if over and row.verdict == "passed" else row.verdict,
        reason="; ".join(part for part in (row.reason, *reasons) if part),
    )


def _judgements(step: StepRecord) -> tuple[Judgement, ...]:
    # Reads arrays' types, which a table without budgets need not wait for.
    from pydantic import TypeAdapter

    from zoo.benchmark.compare.judgement import Judgement

    return TypeAdapter(tuple[Judgement, ...]).validate_python((step.result or {})["judgements"])
