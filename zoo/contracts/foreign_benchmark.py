"""A program of others that times files on a device: its figures, which stay its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.contracts.checks import check

if TYPE_CHECKING:
    from zoo.contracts.transport import Transport


@dataclass(frozen=True, kw_only=True)
class BenchmarkOrder:
    """How one process of such a program is to time a file.

    Attributes:
        threads: For one inference.
        min_runs: At least so many inferences,
        min_seconds: and at least for so long,
        max_seconds: but never longer than this.
        warmup_seconds: How long to warm up.
        xnnpack: Whether the XNNPACK delegate may be used.
    """

    threads: int
    min_runs: int
    min_seconds: float
    max_seconds: float
    warmup_seconds: float
    xnnpack: bool = True


@dataclass(frozen=True, kw_only=True)
class BenchmarkFigures:
    """What such a program said of one process; whatever it did not say is None.

    Attributes:
        runs: Inferences that it timed.
        mean_ms: Their mean, in milliseconds, as all that follow.
        std_ms: Their standard deviation.
        min_ms: The fastest.
        max_ms: The slowest.
        p5_ms: 5th percentile.
        median_ms: Median; versions before 2025 do not tell it.
        p95_ms: 95th percentile.
        init_ms: Until the file was loaded.
        first_ms: The first inference.
        warmup_runs: Inferences of the warm-up.
        warmup_mean_ms: Their mean.
        peak_memory_mb: Of the process, in 10^6 bytes.
        delegate: Delegate that took operations; ``none`` where it says that none did.
        delegated: How many operations it took.
        operations: Of how many.
        partitions: In how many pieces.
    """

    runs: int
    mean_ms: float
    std_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    p5_ms: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    init_ms: float | None = None
    first_ms: float | None = None
    warmup_runs: int | None = None
    warmup_mean_ms: float | None = None
    peak_memory_mb: float | None = None
    delegate: str | None = None
    delegated: int | None = None
    operations: int | None = None
    partitions: int | None = None


@dataclass(frozen=True, kw_only=True)
class ForeignBenchmark:
    """A program of others that times files on a device, which users have supplied.

    Attributes:
        name: What ``--runtime`` takes.
        formats: Names of the formats whose files it takes.
        sha256: Of the program, which stands for its version.
        run: Times a file that lies here, in a fresh process on the device behind a transport that
            the same kind made. Raises `ZooError` when it died, hung, refused or said no figures.
    """

    name: str
    formats: tuple[str, ...]
    sha256: str
    run: Callable[[Transport, Path, BenchmarkOrder], BenchmarkFigures]

    def __post_init__(self) -> None:
        check(bool(self.name), "benchmark", "a foreign benchmark needs a name")
        check(len(self.formats) > 0, self.name, "it must take the files of some format")
        check(callable(self.run), self.name, "run must be callable")
