"""What candidates take on the device, found out on untrained files before anything is trained.

Latency, size and memory do not depend on the values of weights, so that a network which cannot
keep a limit is out within seconds, with its figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.common.errors import EnvironmentFailed, UsageError, ZooError
from zoo.contracts import Exporter, Split
from zoo.execution.device import Device
from zoo.pipeline.failures import first_failure
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.search.candidates import ChoiceCandidate, Unfit, told_in_short
from zoo.pipeline.search.points import MissedLimit, SearchLimits, missed_of
from zoo.pipeline.search.shipped_size import GateAddition, gate_addition
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.pipeline.search.untrained import untrained_job
from zoo.pipeline.steps.bench import PlacedStep, StepDevice
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, Step, StepId
from zoo.pipeline.steps.unjudged import ARENA, SCREEN
from zoo.results import formatting as fmt
from zoo.results.records import Export

#: What parameters alone say of a size is believed beyond so many times the limit: a head for fewer
#: classes is smaller than the recorded one.
_SIZE_MARGIN = 2.0
#: What multiply-adds alone say of a latency is believed at so many times the best rate that was
#: measured: large layers compute faster than small ones, but not by as much.
_RATE_MARGIN = 10.0
#: Smaller networks are built whatever their records say: that takes seconds, and is measured.
_LARGE_PARAMETERS, _LARGE_WORK = 1_000_000, 50_000_000


@dataclass(frozen=True, kw_only=True)
class ChoiceLimits(SearchLimits):
    """What the chosen network's file must keep; None is no limit.

    Attributes:
        max_arena: Tensor arena in a microcontroller's interpreter, bytes.
    """

    max_arena: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScreenedFile:
    """An untrained file of a candidate.

    Attributes:
        bytes: With its manifest, and what the gate adds to that, which is estimated; None where
            none could be made.
        arena: Tensor arena, bytes; None where it was not asked for or measured.
        quiet: Whether nothing disturbed the timing.
        missed: The limits that it does not keep.
        reason: Why it is not there, or does not run.
    """

    precision: str
    bytes: int | None = None
    p50_ms: float | None = None
    p50_low_ms: float | None = None
    p50_high_ms: float | None = None
    quiet: bool | None = None
    arena: int | None = None
    missed: tuple[MissedLimit, ...] = ()
    reason: str = ""

    @property
    def fits(self) -> bool:
        """Whether it keeps every limit."""
        return not self.missed and not self.reason


@dataclass(frozen=True, kw_only=True)
class Screened:
    """A candidate with its untrained files.

    Attributes:
        reason: Why it was not built, or could not be; empty where `files` tell.
        unbuilt: Whether it was left out because its record says that it exceeds a limit.
        error: With which building it ended; None where it did not.
    """

    candidate: ChoiceCandidate
    files: tuple[ScreenedFile, ...] = ()
    reason: str = ""
    unbuilt: bool = False
    error: ZooError | None = None

    @property
    def fits(self) -> bool:
        """Whether one of its files keeps every limit."""
        return any(file.fits for file in self.files)

    @property
    def exceeds(self) -> bool:
        """Whether it is out for a limit, and not for what could not be made."""
        return not self.fits and (self.nearest is not None or self.unbuilt)

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those whose files keep every limit."""
        return tuple(file.precision for file in self.files if file.fits)

    @property
    def nearest(self) -> ScreenedFile | None:
        """The file that is nearest to the limits; None where there is none."""
        made = [file for file in self.files if file.missed]
        return min(made, key=lambda f: f.missed[0].share) if made and not self.fits else None


@dataclass(frozen=True, kw_only=True)
class _Built:
    """A candidate whose files are made, and the steps that time them."""

    candidate: ChoiceCandidate
    finished: FinishedSteps
    timing: Sequence[Step[Any]]


@dataclass(kw_only=True)
class Screening:
    """Builds, exports, times and measures untrained candidates.

    Attributes:
        exporter: Writes their files.
        precisions: Of the files.
        device: Where they are timed.
        arena: Whether the tensor arena is asked for.
        training: Split of the data whose examples tell how much the gate adds to a file.
        show: Receives each candidate that is ready.
    """

    runs: TrainingRuns
    exporter: Exporter
    precisions: tuple[str, ...]
    device: Device
    limits: ChoiceLimits
    arena: bool
    training: Split
    show: Callable[[str], None]
    _best_rate: float = 0.0
    _fastest: str = ""

    def screen(self, candidates: Sequence[ChoiceCandidate]) -> list[Screened]:
        """All of them, in their order, which is that of their multiply-adds.

        Raises:
            ZooError: The device does not answer.
        """
        StepDevice.of(self.device).reached()
        found: list[Screened] = []
        with self.runs.side_by_side() as there:
            for first in range(0, len(candidates), there.room):
                batch = candidates[first : first + there.room]
                hopeless = [self._hopeless(candidate) for candidate in batch]
                begun = [
                    None if reason else there.submit(self._build, candidate)
                    for candidate, reason in zip(batch, hopeless, strict=True)
                ]
                # Timed once all are built, one after the other: it is one device, and where it is
                # this machine, nothing of ours may disturb it.
                built = [None if one is None else one.result() for one in begun]
                for candidate, reason, one in zip(batch, hopeless, built, strict=True):
                    if one is None:
                        ended = Screened(candidate=candidate, reason=reason, unbuilt=True)
                    else:
                        ended = one if isinstance(one, Screened) else self._measured(one)
                    found.append(ended)
                    if not ended.fits:
                        self.show(f"{candidate.name} is out: {why_out(ended)}")
        return found

    def _hopeless(self, candidate: ChoiceCandidate) -> str:
        """Why a network cannot keep a limit by what its record says; empty where it may."""
        if not candidate.as_recorded:
            return ""
        variant, limits = candidate.job.variant, self.limits
        registry = self.runs.registry
        widths = [_bytes_of(registry.precision(name).weights) for name in self.precisions]
        least = variant.parameters * min(widths)
        large = variant.parameters > _LARGE_PARAMETERS
        if limits.max_bytes is not None and large and least > _SIZE_MARGIN * limits.max_bytes:
            return (
                f"not built: about {fmt.size_text(least)} by its {variant.parameters / 1e6:.3g} M "
                f"parameters, limit {fmt.size_text(limits.max_bytes)}"
            )
        slow = variant.multiply_adds > _LARGE_WORK
        if limits.max_ms is None or not slow or not self._best_rate:
            return ""
        least_ms = variant.multiply_adds / (_RATE_MARGIN * self._best_rate)
        if least_ms > limits.max_ms:
            return (
                f"not built: over {_time(least_ms)} by its {variant.multiply_adds / 1e6:,.0f} M "
                f"multiply-adds at {_RATE_MARGIN:g} × the rate of {self._fastest}, "
                f"limit {_time(limits.max_ms)}"
            )
        return ""

    def _build(self, candidate: ChoiceCandidate) -> _Built | Screened:
        """Makes the files of a candidate; where there is no network, says why."""
        try:
            plan = self._plan(candidate)
        except EnvironmentFailed:
            raise
        except ZooError as error:
            reason = told_in_short(error)
            return Screened(candidate=candidate, reason=reason, error=error)
        untimed = [step for step in plan if not isinstance(step, PlacedStep)]
        finished = self.runs.execute(untimed, candidate.name)
        train = finished.of(plan[0]).record
        if train.status != "passed":
            failure = first_failure(train)
            reason = told_in_short(failure)
            return Screened(candidate=candidate, reason=reason, error=failure)
        timing = [step for step in plan if isinstance(step, PlacedStep)]
        return _Built(candidate=candidate, finished=finished, timing=timing)

    def _measured(self, built: _Built) -> Screened:
        """Times the files of a candidate."""
        candidate = built.candidate
        finished = self.runs.execute(built.timing, candidate.name, built.finished)
        files = tuple(self._file(name, finished) for name in self.precisions)
        for file in files:
            if file.p50_ms and candidate.multiply_adds / file.p50_ms > self._best_rate:
                self._best_rate = candidate.multiply_adds / file.p50_ms
                self._fastest = candidate.name
        return Screened(candidate=candidate, files=files)

    def _plan(self, candidate: ChoiceCandidate) -> list[Step[Any]]:
        job = untrained_job(candidate, self.exporter.name, self.precisions, self.device.name)
        return make_plan(job, self.runs.checkpoints, PlanScope(judged=False, arena=self.arena))

    def _file(self, precision: str, finished: FinishedSteps) -> ScreenedFile:
        def of(kind: str, device: str = "") -> Any:
            return finished[
                StepId(kind=kind, format=self.exporter.name, precision=precision, device=device)
            ]

        export = of("export")
        if not export.passed:
            return ScreenedFile(precision=precision, reason=_first_line(export.record.reason))
        added = self._added(export)
        bench, reason, arena = of(SCREEN, self.device.name), "", None
        if not bench.passed:
            reason = _first_line(bench.record.reason)
        if self.arena:
            measured = of(ARENA)
            arena = measured.result.bytes if measured.passed else None
            if not measured.passed and self.limits.max_arena is not None:
                reason = reason or _first_line(measured.record.reason)
        timed = bench.result if bench.passed else None
        figures = [
            # Only what is surely too large is out: the file that is shipped is looked at again.
            ("size", export.result.bytes + added.least, self.limits.max_bytes),
            ("latency", timed.p50_ms if timed else None, self.limits.max_ms),
            ("arena", arena, self.limits.max_arena),
        ]
        return ScreenedFile(
            precision=precision,
            bytes=export.result.bytes + added.usual,
            p50_ms=timed.p50_ms if timed else None,
            p50_low_ms=timed.p50_low_ms if timed else None,
            p50_high_ms=timed.p50_high_ms if timed else None,
            quiet=timed.quiet if timed else None,
            arena=arena,
            missed=() if reason else missed_of(figures),
            reason=reason,
        )

    def _added(self, export: FinishedStep[Export]) -> GateAddition:
        artifact = open_artifact(self.runs.registry, export.folder / export.result.file)
        values = sum(
            math.prod(max(side, 1) for side in output.shape[1:])
            for output in artifact.contents.outputs
        )
        return gate_addition(self.training, require_manifest(artifact).preprocessing, values)


def why_out(one: Screened) -> str:
    """Why a candidate is out, by the file that is nearest to the limits."""
    if one.reason:
        return one.reason
    nearest = one.nearest
    if nearest is None:
        return "; ".join(dict.fromkeys(f"{f.precision}: {f.reason}" for f in one.files))
    told = []
    for miss in nearest.missed:
        shown = _time if miss.what == "latency" else fmt.size_text
        value = "not measured" if miss.value is None else shown(miss.value)
        least = "at least " if miss.what == "size" and miss.value is not None else ""
        told.append(f"{miss.what} {least}{value}, limit {shown(miss.limit)}")
    return f"{nearest.precision}: {'; '.join(told)}"


def none_built(data: str, screened: Sequence[Screened], unfit: Sequence[Unfit]) -> ZooError:
    """Why there is nothing to compare: what all have in common, else each network's own reason."""
    errors = {one.reason: one.error for one in screened}
    if len(errors) == 1 and (same := next(iter(errors.values()))) is not None:
        # It is about the data, or about the only network.
        return same
    told = [f"{one.candidate.name}: {why_out(one)}" for one in screened]
    told += [f"{one.name}: {one.reason}" for one in unfit]
    more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
    return UsageError(
        f"no network could be built for {data} and exported",
        why="; ".join(told[:3]) + more,
        fix="`zoo list` shows what each takes; name one that takes these data, or a network from "
        "elsewhere",
    )


def _bytes_of(weights: str) -> float:
    """Of one weight, by numpy's name of its type."""
    bits = "".join(c for c in weights if c.isdigit())
    return int(bits) / 8 if bits else 4.0


def _first_line(reason: str) -> str:
    return fmt.plain(reason.partition("\n")[0])


def _time(value: float) -> str:
    return fmt.time_unit([value]).with_symbol(value)
