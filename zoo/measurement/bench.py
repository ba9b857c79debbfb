"""Measuring files: fresh processes, interleaved, and once more what was disturbed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo.clock import utc_now
from zoo.contracts import Condition, Device, Transport
from zoo.errors import ZooError
from zoo.files import sha256_of
from zoo.measurement.lock import holding
from zoo.measurement.protocol import BenchRun, LoadedFile
from zoo.measurement.quietness import disturbances, fastest_spin
from zoo.measurement.records import Measurement, Samples
from zoo.measurement.session import DEFAULT_TIMEOUT, AgentSession
from zoo.measurement.statistics import Estimate, median_of_processes, percentile
from zoo.measurement.tiers import Tier, tier_named

if TYPE_CHECKING:
    from zoo.isolation import Children

#: Called with the number of processes that are done and the number that will be.
Progress = Callable[[int, int], None]
Result = tuple[Measurement, Samples]
#: How often a disturbed process is measured again.
RETRIES = 1
_MS = 1e-6
_MB = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A file to measure, and how to run it.

    Attributes:
        path: The file here.
        runtime: The agent's runtime for it.
        threads: For one inference.
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
        inputs: One raw example per input; None for seeded random numbers.
        value_range: Of those, for inputs that are real numbers.
    """

    path: Path
    runtime: str
    threads: int = 1
    xnnpack: bool = True
    inputs: Sequence[NDArray[Any]] | None = None
    value_range: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Process:
    """What one agent process found out."""

    about: dict[str, Any]
    loaded: LoadedFile
    run: BenchRun
    noise: tuple[str, ...]
    attempts: int
    conditions: tuple[Condition, Condition]


@dataclass(kw_only=True, eq=False)
class _Course:
    """One candidate on its way through the processes."""

    candidate: Candidate
    sha256: str
    there: str
    done: list[_Process] = field(default_factory=list)
    placement: dict[str, Any] | None = None
    failure: ZooError | None = None


@dataclass(kw_only=True, eq=False)
class _Bench:
    """What all processes of one call share."""

    transport: Transport
    tier: Tier
    timeout: float
    children: Children | None
    baselines: dict[str, int] = field(default_factory=dict)

    def advance(self, course: _Course) -> None:
        """Measures one more process of a candidate; a disturbed one is measured again."""
        for attempt in range(1 + RETRIES):
            process = self._process(course, attempt + 1)
            if not process.noise:
                break
        course.done.append(process)

    def _process(self, course: _Course, attempts: int) -> _Process:
        candidate, tier = course.candidate, self.tier
        earlier = self.transport.condition()
        session = AgentSession(self.transport, candidate.runtime, self.timeout)
        with session, self._registered(session):
            about = session.describe()
            loaded = session.load(
                course.there, candidate.threads, xnnpack=candidate.xnnpack, purpose="timing"
            )
            run = session.bench(
                min_runs=tier.runs_each,
                min_seconds=tier.seconds_each,
                max_seconds=tier.limit_seconds,
                warmup_seconds=tier.warmup_seconds,
                inputs=candidate.inputs,
                value_range=candidate.value_range,
            )
            if course.placement is None:
                course.placement = self._placement(session, course, loaded)
        later = self.transport.condition()
        # The spin is Python's: another interpreter on the same device has another baseline.
        interpreter = f"{about.get('fingerprint')} {about.get('python')}"
        baseline = min(fastest_spin(run), self.baselines.get(interpreter, fastest_spin(run)))
        self.baselines[interpreter] = baseline
        noise = disturbances(run, threads=loaded.threads, baseline_ns=baseline)
        return _Process(
            about=about,
            loaded=loaded,
            run=run,
            noise=tuple(dict.fromkeys((*noise, *earlier.faults, *later.faults))),
            attempts=attempts,
            conditions=(earlier, later),
        )

    def _placement(
        self, session: AgentSession, course: _Course, loaded: LoadedFile
    ) -> dict[str, Any]:
        if loaded.delegate.get("partitions", 0) is not None:
            return loaded.delegate
        # The timed call cannot tell; asked after the samples, when memory no longer counts.
        candidate = course.candidate
        return session.load(course.there, candidate.threads, xnnpack=candidate.xnnpack).delegate

    def _registered(self, session: AgentSession) -> Any:
        return nullcontext() if self.children is None else self.children.registered(session.kill)


def measure(
    device: Device,
    path: Path,
    *,
    runtime: str,
    threads: int,
    tier: str,
    xnnpack: bool = True,
    inputs: Sequence[NDArray[Any]] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
    children: Children | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Result:
    """Times one file on one device.

    Args:
        device: Where.
        path: The file here.
        runtime: The agent's runtime.
        threads: For one inference.
        tier: Name of the grade of care.
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
        inputs: One raw example per input; None for seeded random numbers.
        value_range: Of those, for inputs that are real numbers: 0 to 255 for raw pixels.
        progress: Called after each process.
        children: Registers the agents, so that an interruption can end them.
        timeout: Seconds to wait for an answer beyond the time of the work itself.

    Raises:
        ZooError: The agent died, hung or refused; the device cannot be reached or is in use.
    """
    candidate = Candidate(
        path=path,
        runtime=runtime,
        threads=threads,
        xnnpack=xnnpack,
        inputs=inputs,
        value_range=value_range,
    )
    (result,) = measure_interleaved(
        device, [candidate], tier=tier, progress=progress, children=children, timeout=timeout
    )
    if isinstance(result, ZooError):
        raise result
    return result


def measure_interleaved(
    device: Device,
    candidates: Sequence[Candidate],
    *,
    tier: str | Tier,
    progress: Progress | None = None,
    children: Children | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> list[Result | ZooError]:
    """Times several files for comparison: their processes take turns.

    What disturbs the machine for a minute then disturbs all candidates alike. A candidate that
    fails costs itself alone: its place in the list holds the error.

    Raises:
        ZooError: The device cannot be reached, or another process measures there.
    """
    grade = tier if isinstance(tier, Tier) else tier_named(tier)
    total = grade.processes * len(candidates)
    with holding(device):
        transport = device.connect()
        try:
            bench = _Bench(transport=transport, tier=grade, timeout=timeout, children=children)
            courses = [_course(bench, candidate) for candidate in candidates]
            for turn in range(grade.processes):
                # Each turn begins with another candidate: none is always the one on a cool machine.
                for place in range(len(courses)):
                    _take_turn(bench, courses[(turn + place) % len(courses)])
                    if progress is not None:
                        progress(turn * len(courses) + place + 1, total)
        finally:
            transport.close()
    return [course.failure or _result(device, grade, course) for course in courses]


def _course(bench: _Bench, candidate: Candidate) -> _Course:
    """Puts a candidate's file on the device; what goes wrong there is that candidate's failure."""
    course = _Course(candidate=candidate, sha256=sha256_of(candidate.path), there="")
    try:
        course.there = bench.transport.put(candidate.path)
    except ZooError as error:
        course.failure = error
    return course


def _take_turn(bench: _Bench, course: _Course) -> None:
    if course.failure is None:
        try:
            bench.advance(course)
        except ZooError as error:
            course.failure = error


def _result(device: Device, tier: Tier, course: _Course) -> Result:
    processes = course.done
    samples = Samples(tuple(process.run.samples for process in processes))
    together = np.concatenate(samples.processes)
    p50, p90 = _across(samples, 0.5), _across(samples, 0.9)
    p99 = percentile(together, 0.99) if len(together) >= 100 else None
    first, placement = processes[0], course.placement or {}
    noise = tuple(dict.fromkeys(reason for p in processes for reason in p.noise))
    measurement = Measurement(
        file=course.candidate.path.name,
        sha256=course.sha256,
        device=device.name,
        device_fingerprint=str(first.about.get("fingerprint")),
        runtime=first.loaded.runtime,
        runtime_version=first.loaded.runtime_version,
        api=first.loaded.api,
        threads=first.loaded.threads,
        delegate=str(placement.get("name")),
        placement=placement,
        tier=tier.name,
        processes=len(processes),
        inputs=first.run.inputs,
        load_ms=median(p.loaded.load_ns for p in processes) * _MS,
        first_ms=median(p.run.first_ns for p in processes) * _MS,
        p50_ms=p50.value * _MS,
        p50_low_ms=p50.low * _MS,
        p50_high_ms=p50.high * _MS,
        p90_ms=p90.value * _MS,
        p90_low_ms=p90.low * _MS,
        p90_high_ms=p90.high * _MS,
        p99_ms=None if p99 is None else p99.value * _MS,
        p99_low_ms=None if p99 is None else p99.low * _MS,
        p99_high_ms=None if p99 is None else p99.high * _MS,
        interval="order statistics" if len(processes) == 1 else "bootstrap over processes",
        runs=len(together),
        seconds=sum(p.run.wall_seconds for p in processes),
        floors_met=all(p.run.floors_met for p in processes),
        peak_memory_mb=max(p.run.peak_memory_bytes for p in processes) * _MB,
        memory_before_mb=median(p.loaded.memory_before_bytes for p in processes) * _MB,
        quiet=not noise,
        noise=noise,
        environment={
            **first.about,
            "device": {"kind": device.kind.name, "address": device.address},
            "processes": [_counted(p) for p in processes],
        },
        created=utc_now(),
        clock=device.clock,
    )
    return measurement, samples


def _across(samples: Samples, quantile: float) -> Estimate:
    each = [percentile(process, quantile) for process in samples.processes]
    return each[0] if len(each) == 1 else median_of_processes([e.value for e in each])


def _counted(process: _Process) -> dict[str, Any]:
    run = process.run
    return {
        "p50_ms": float(np.median(run.samples)) * _MS,
        "load_ms": process.loaded.load_ns * _MS,
        "first_ms": run.first_ns * _MS,
        "noise": list(process.noise),
        "runs": len(run.samples),
        "attempts": process.attempts,
        "warmup": run.warmup,
        "spin_before_ns": int(median(run.spin_before_ns)),
        "spin_after_ns": int(median(run.spin_after_ns)),
        "load_average": list(run.load_average),
        "wall_seconds": run.wall_seconds,
        "cpu_seconds": run.cpu_seconds,
        "involuntary_switches": run.involuntary_switches,
        "steal_seconds": run.steal_seconds,
        "throttled_seconds": run.throttled_seconds,
        "condition": [dict(condition.readings) for condition in process.conditions],
    }
