"""Records of measurements, with every raw sample."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.brief import Brief
from zoo.common.errors import BadFile
from zoo.contracts import Clock, ToolSummary
from zoo.results.measured import check_measured
from zoo.results.records import Evaluation

_MAGIC = b"zns1"


@dataclass(frozen=True, kw_only=True)
class OutputCheck:
    """The output check: a file's outputs on a device against the expected ones, before timing.

    Attributes:
        reference: Origin of the expected outputs, in words; empty without any.
        inputs: How many inputs were answered.
        exact: Whether they are the same bit for bit.
        max_abs: Largest absolute difference of an output in real numbers; None: not compared.
        limit: The tolerance of a correct output.
        why_not: Why nothing was compared; empty when it was.
    """

    reference: str = ""
    inputs: int = 0
    exact: bool = False
    max_abs: float | None = None
    limit: float | None = None
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a long run: its beginning, or its end.

    Attributes:
        seconds: Of sampling.
        runs: Inferences.
        p50_ms: Median of the medians of the windows that count.
        p50_low_ms: Lower end of its interval over windows.
        p50_high_ms: Upper end.
        p90_ms: Median of their 90th percentiles.
        windows: Windows that count.
        disturbed: Windows that were left out.
    """

    seconds: float
    runs: int
    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    p90_ms: float
    windows: int
    disturbed: int


@dataclass(frozen=True, kw_only=True)
class Sustained:
    """The effect of sustained load on latency.

    Attributes:
        first: The first minute.
        steady: The last ten.
        flat: Whether the medians of the end's two halves are within 2 % of each other: else the
            device was still changing, and a longer run would give other figures.
        windows: Per window: seconds since the beginning, median and 90th percentile in
            milliseconds, and why it was left out (empty when it counts).
        kept_every: Of each window, every so many samples are kept.
    """

    first: Phase
    steady: Phase
    flat: bool
    windows: tuple[dict[str, Any], ...]
    kept_every: tuple[int, ...]

    @property
    def slowdown(self) -> float:
        """Ratio of the median at the end to that at the beginning."""
        return self.steady.p50_ms / self.first.p50_ms


def shape_text(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Shapes of inputs, for tables: of a single input without its name."""
    plain = ["x".join(map(str, shape)) for shape in shapes.values()]
    if len(plain) == 1:
        return plain[0]
    return ", ".join(f"{name}={shape}" for name, shape in zip(shapes, plain, strict=True))


@dataclass(frozen=True, kw_only=True, repr=False)
class Measurement(Brief):
    """The latency of one file on one device, with everything it depends on.

    Attributes:
        file: Name of the file.
        sha256: Of its bytes.
        device: Name of the device.
        device_fingerprint: Of the machine, as the agent there saw it.
        runtime: What ran the file.
        runtime_version: Its version there; None when unknown.
        api: The call that was timed.
        threads: As set, never a default.
        delegate: Delegate or execution provider that really ran operations; ``none`` for neither.
        placement: As the runtime reports it: ``partitions``, ``delegated``, ``remaining``, …
        tier: How carefully it was measured.
        processes: Fresh processes that were measured.
        inputs: Where the input came from.
        load_ms: Median over processes of loading the file from a warm page cache.
        first_ms: Median over processes of the first inference.
        p50_ms: Median; of the processes' medians when there are several.
        p50_low_ms: Lower end of its 95 % interval.
        p50_high_ms: Upper end.
        p90_ms: 90th percentile, in the same way.
        p90_low_ms: Lower end of its 95 % interval.
        p90_high_ms: Upper end.
        p99_ms: 99th percentile of all samples together; None below 100 samples.
        p99_low_ms: Lower end of its 95 % interval by order statistics.
        p99_high_ms: Upper end.
        interval: How the intervals came about: ``order statistics`` of one process, or
            ``bootstrap over processes``.
        runs: Inferences that were timed.
        seconds: Time that they took.
        floors_met: Whether the tier's inferences and seconds were reached before its limit.
        peak_memory_mb: Highest memory of the whole agent process, in 10^6 bytes.
        memory_before_mb: The same before it loaded the file: Python and the runtime alone.
        quiet: Whether nothing disturbed the processes that count.
        noise: What did, in words.
        environment: The device and its software as the agent described them, and per process
            what the kernel counted.
        created: When, ISO 8601, UTC.
        batch: Examples in one inference; every time is that of all of them together.
        examples_per_second: Throughput: examples by the time that their inferences took.
        energy: Readings of the device's meters, the largest first; empty without any.
        profile: What each operator takes; None unless asked for.
        clock: What the times are: ``real``; ``emulated`` and ``estimated`` ones are never ranked
            with or compared to those.
        p90_stopping_ms: The 90th percentile as MLPerf's early stopping estimates it from all
            samples, on the safe side; None below 64.
        answers: The output check against the host; None in records of older versions.
        sustained: Of a long run, its beginning and end apart; None of others.
        accuracy: Quality on a whole test split, computed on the device; None unless asked for.
        reference: Whether it is the network before its export, and no file: `file` is its model id,
            and no limit for files is held against it.
        summaries: Of a vendor's tool, what each of its processes reported. It keeps no samples: the
            medians are those that it reports, other percentiles and all intervals are None, and the
            record is compared with no other.
        inferences_per_sample: More than 1 where the device's clock is too coarse for one inference:
            each sample is then a mean, and percentiles are those of means.
        dispatch_ms: What the runtime takes there for a graph that computes next to nothing; None
            where it is not measured.
        shapes: Of the inputs by name, with the batch, where the file leaves sizes open; empty for
            files that have sizes of their own. Records with other shapes are compared with no
            other.
    """

    file: str
    sha256: str
    device: str
    device_fingerprint: str
    runtime: str
    runtime_version: str | None
    api: str
    threads: int
    delegate: str
    placement: dict[str, Any]
    tier: str
    processes: int
    inputs: dict[str, Any]
    load_ms: float | None
    first_ms: float | None
    p50_ms: float | None
    p50_low_ms: float | None = None
    p50_high_ms: float | None = None
    p90_ms: float | None = None
    p90_low_ms: float | None = None
    p90_high_ms: float | None = None
    p99_ms: float | None = None
    p99_low_ms: float | None = None
    p99_high_ms: float | None = None
    interval: str
    runs: int
    seconds: float
    floors_met: bool
    peak_memory_mb: float | None
    memory_before_mb: float | None = None
    quiet: bool
    noise: tuple[str, ...]
    environment: dict[str, Any]
    created: str
    batch: int = 1
    examples_per_second: float | None = None
    energy: tuple[Energy, ...] = ()
    profile: Profile | None = None
    clock: Clock = "real"
    p90_stopping_ms: float | None = None
    answers: OutputCheck | None = None
    sustained: Sustained | None = None
    accuracy: Evaluation | None = None
    reference: bool = False
    summaries: tuple[ToolSummary, ...] = ()
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    inferences_per_sample: int = 1
    dispatch_ms: float | None = None

    def __post_init__(self) -> None:
        check_measured(self, self.environment)

    @property
    def mostly_dispatch(self) -> bool:
        """Whether more than a third of the median is what any call costs there, without work."""
        if self.dispatch_ms is None or self.p50_ms is None:
            return False
        return self.dispatch_ms > self.p50_ms / 3

    @property
    def shape(self) -> str:
        """The shapes that were timed, in words; of a single input without its name."""
        return shape_text(self.shapes)

    @property
    def ran_on(self) -> str:
        """Where the file ran, with the share of operators for partial delegation."""
        taken, remaining = self.placement.get("delegated"), self.placement.get("remaining")
        total = self.placement.get("operators")
        if total is None and taken is not None and remaining is not None:
            total = taken + len(remaining)
        partly = taken is not None and total is not None and 0 < taken < total
        return f"{self.delegate} {taken}/{total}" if partly else self.delegate

    @property
    def verdict(self) -> str:
        """Whether its figures may be published: ``good``, ``noisy``, ``short``, or its clock."""
        if self.clock != "real":
            return self.clock
        if not self.quiet:
            return "noisy"
        return "good" if self.floors_met else "short"


@dataclass(frozen=True, eq=False)
class Samples:
    """Every timed inference in nanoseconds, one array per process, in the order they ran."""

    processes: tuple[NDArray[np.int64], ...]

    def encode(self) -> bytes:
        """Compressed bytes for the results store."""
        counts = [len(samples) for samples in self.processes]
        head = struct.pack(f"<I{len(counts)}Q", len(counts), *counts)
        body = b"".join(samples.astype("<i8").tobytes() for samples in self.processes)
        return _MAGIC + zlib.compress(head + body)

    @classmethod
    def decode(cls, packed: bytes) -> Samples:
        """The samples in such bytes.

        Raises:
            BadFile: The bytes are damaged or something else.
        """
        try:
            if not packed.startswith(_MAGIC):
                raise ValueError("they do not begin like samples")
            raw = zlib.decompress(packed[len(_MAGIC) :])
            (processes,) = struct.unpack_from("<I", raw)
            counts = struct.unpack_from(f"<{processes}Q", raw, 4)
            samples = np.frombuffer(raw, "<i8", offset=4 + 8 * processes)
            if len(samples) != sum(counts):
                raise ValueError(f"{len(samples)} of {sum(counts)} samples are there")
        except (ValueError, struct.error, zlib.error) as error:
            raise BadFile("these are no samples of a measurement", why=str(error)) from error
        ends = np.cumsum(counts, dtype=np.int64)[:-1]
        return cls(tuple(part.astype(np.int64) for part in np.split(samples, ends)))


@dataclass(frozen=True, kw_only=True)
class OperatorTime:
    """One operator of a profile.

    Attributes:
        name: Of what it makes, or of its node.
        operator: Its kind, as the runtime calls it.
        executor: The delegate or execution provider that computes it; ``built-in`` for neither.
        ms: Time of one inference. A difference of two times may be below zero for an operator
            that takes less than the clock's resolution.
    """

    name: str
    operator: str
    executor: str
    ms: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Times of a file's operators.

    Attributes:
        method: How it was found out; figures of different methods must not be compared.
        operators: In the order of execution.
    """

    method: str
    operators: tuple[OperatorTime, ...]

    def slowest(self) -> list[tuple[OperatorTime, float]]:
        """The operators, the slowest first, each with its share of the whole, 0 to 1."""
        whole = sum(max(0.0, row.ms) for row in self.operators) or 1.0
        ordered = sorted(self.operators, key=lambda row: row.ms, reverse=True)
        return [(row, max(0.0, row.ms) / whole) for row in ordered]


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Energy by one meter, over all processes.

    Attributes:
        meter: Whose energy: ``RAPL package-0``, ``ina3221 VDD_IN``, ``battery BAT0``. Everything
            behind the meter counts, and idle power too.
        joules: Of the whole sampling.
        mj_per_inference: Of one inference, in millijoules.
        watts: Mean power.
    """

    meter: str
    joules: float
    mj_per_inference: float
    watts: float
