"""Files timed by a program of others: its own figures, process by process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from zoo.benchmark.tiers import Tier
from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.common.files import sha256_of
from zoo.contracts import BenchmarkFigures, BenchmarkOrder, Condition, ForeignBenchmark
from zoo.execution.device import Device
from zoo.execution.driver_guard import GuardedTransport, guarding
from zoo.execution.lock import holding


@dataclass(frozen=True, kw_only=True)
class ForeignMeasurement:
    """How fast a program of others says that a file ran; it keeps no single times.

    Attributes:
        file: Name of the file.
        sha256: Of its bytes.
        device: Name of the device.
        address: Where that is.
        program: Whose figures these are.
        program_sha256: Of that program, which stands for its version.
        threads: As set, never a default.
        tier: How thoroughly it was timed.
        processes: What each fresh process said, in the order they ran.
        mean_ms: Median of the processes' means.
        median_ms: Median of the processes' medians; None where one did not tell its own.
        first_ms: Median of their first inferences; None in the same way.
        init_ms: Median of their times to load; None in the same way.
        peak_memory_mb: Highest memory of a process, in 10^6 bytes; None where none told it.
        runs: Inferences in all processes together.
        delegate: Delegate that took operations, where the program says so.
        quiet: Whether the device told of nothing that slows it.
        noise: What it told, in words.
        conditions: What the device told of itself before and after each process.
        created: When, ISO 8601, UTC.
    """

    file: str
    sha256: str
    device: str
    address: str
    program: str
    program_sha256: str
    threads: int
    tier: str
    processes: tuple[BenchmarkFigures, ...]
    mean_ms: float
    median_ms: float | None
    first_ms: float | None
    init_ms: float | None
    peak_memory_mb: float | None
    runs: int
    delegate: str | None
    quiet: bool
    noise: tuple[str, ...]
    conditions: tuple[dict[str, Any], ...]
    created: str


def measure_with(
    benchmark: ForeignBenchmark,
    device: Device,
    candidates: Sequence[tuple[Path, int]],
    tier: Tier,
) -> list[ForeignMeasurement | ZooError]:
    """Times files with a program of others, whose processes take turns between them.

    A file that fails costs itself alone: its place in the list holds the error.

    Args:
        benchmark: The program.
        device: Where.
        candidates: Files, each with a number of threads.
        tier: How thoroughly.

    Raises:
        ZooError: The device cannot be reached, or another process measures there.
    """
    courses = [_Course(benchmark, device, path, threads, tier) for path, threads in candidates]
    with holding(device):
        transport = device.connect()
        try:
            for _ in range(tier.processes):
                for course in courses:
                    course.advance(transport)
        finally:
            transport.close()
    return [course.failure or course.result() for course in courses]


class _Course:
    """One file on its way through the processes."""

    def __init__(
        self, benchmark: ForeignBenchmark, device: Device, path: Path, threads: int, tier: Tier
    ) -> None:
        self._benchmark, self._device, self._path, self._tier = benchmark, device, path, tier
        self._sha256 = sha256_of(path)
        self._order = BenchmarkOrder(
            threads=threads,
            min_runs=tier.runs_each,
            min_seconds=tier.seconds_each,
            max_seconds=tier.limit_seconds,
            warmup_seconds=tier.warmup_seconds,
        )
        self._done: list[BenchmarkFigures] = []
        self._conditions: list[Condition] = []
        self.failure: ZooError | None = None

    def advance(self, transport: GuardedTransport) -> None:
        """Times the file in one more process."""
        if self.failure is not None:
            return
        try:
            self._conditions.append(transport.condition())
            with guarding(self._device.kind.name, f"run {self._benchmark.name}"):
                self._done.append(self._benchmark.run(transport.inner, self._path, self._order))
            self._conditions.append(transport.condition())
        except ZooError as error:
            self.failure = error

    def result(self) -> ForeignMeasurement:
        """All processes in one record."""
        done = self._done
        noise = tuple(dict.fromkeys(fault for c in self._conditions for fault in c.faults))
        peaks = [f.peak_memory_mb for f in done if f.peak_memory_mb is not None]
        return ForeignMeasurement(
            file=self._path.name,
            sha256=self._sha256,
            device=self._device.name,
            address=self._device.address,
            program=self._benchmark.name,
            program_sha256=self._benchmark.sha256,
            threads=self._order.threads,
            tier=self._tier.name,
            processes=tuple(done),
            mean_ms=median(f.mean_ms for f in done),
            median_ms=_median([f.median_ms for f in done]),
            first_ms=_median([f.first_ms for f in done]),
            init_ms=_median([f.init_ms for f in done]),
            peak_memory_mb=max(peaks, default=None),
            runs=sum(f.runs for f in done),
            delegate=done[0].delegate,
            quiet=not noise,
            noise=noise,
            conditions=tuple(dict(c.readings) for c in self._conditions),
            created=utc_now(),
        )


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if len(told) == len(values) else None
