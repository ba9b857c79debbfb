"""What a results store holds of files, models and runs, as the catalogue keeps it in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.contracts.task import Metric
from zoo.results.measurements import Measurement
from zoo.results.records import GateResult, NetworkEvaluation


@dataclass(frozen=True, kw_only=True)
class StoredTiming:
    """A recorded latency.

    Attributes:
        number: Of its record in the store.
        key: Of its step: names its raw samples.
        measurement: Without environment, placement, profile and summaries; its record has them.
        profiled: Whether its record has the time of each operator.
        summarized: Whether a vendor's tool measured it, which leaves no interval.
        environment: Name of the part of its environment that it shares with others.
    """

    number: int
    run: str
    key: str
    measurement: Measurement
    profiled: bool
    summarized: bool
    environment: str

    @property
    def place(self) -> tuple[str, str, int, int, str]:
        """Where and how it ran: device, runtime, threads, batch and shapes of inputs."""
        m = self.measurement
        return m.device, m.runtime, m.threads, m.batch, m.shape

    @property
    def ranked(self) -> bool:
        """Whether it may be ranked: real, undisturbed, long enough, of one example as it comes."""
        m = self.measurement
        return m.verdict == "good" and not self.summarized and m.batch == 1 and not m.shapes


@dataclass(frozen=True, kw_only=True)
class GateEntry:
    """A gate's verdict on a file.

    Attributes:
        number: Of its record.
        key: Of its step, under which the cache keeps the file.
        result: Without the details of its evaluation.
    """

    number: int
    run: str
    key: str
    created: str
    result: GateResult


@dataclass(kw_only=True)
class FileEntry:
    """A file by its content.

    Attributes:
        sha256: Of the whole file, with its manifest.
        gates: Verdicts on it, the oldest first; empty for a file that was only timed.
        timings: The same of latencies.
    """

    sha256: str
    name: str
    gates: list[GateEntry] = field(default_factory=list)
    timings: list[StoredTiming] = field(default_factory=list)

    @property
    def gate(self) -> GateEntry | None:
        """The newest verdict."""
        return self.gates[-1] if self.gates else None

    @property
    def metric(self) -> Metric | None:
        """The headline metric in the deployment runtime."""
        gate = self.gate
        return None if gate is None else next(iter(gate.result.evaluation.metrics), None)

    @property
    def verdict(self) -> str:
        """How the gate ended; ``timed`` where there was none."""
        gate = self.gate
        return "timed" if gate is None else "passed" if gate.result.passed else "rejected"

    @property
    def weak(self) -> bool:
        """Whether something speaks against the network that it was made from."""
        gate = self.gate
        return gate is not None and any(f.weak for f in gate.result.evaluation.findings)

    @property
    def created(self) -> str:
        """When the newest verdict on it, or its first latency, was recorded."""
        gate = self.gate
        return gate.created if gate is not None else self.timings[0].measurement.created

    def newest(self) -> list[StoredTiming]:
        """Of each place the newest latency that may be ranked, else the newest."""
        found: dict[tuple[object, ...], StoredTiming] = {}
        for timing in self.timings:
            before = found.get(timing.place)
            if before is None or timing.ranked or not before.ranked:
                found[timing.place] = timing
        return list(found.values())


@dataclass(kw_only=True)
class ModelEntry:
    """A model: a network with weights.

    Attributes:
        name: Its id: ``lenet5.digits``.
        files: SHA-256 of its files, the oldest first.
        trainings: Numbers of records.
        evaluation: Quality before export, the newest, and the number of its record.
    """

    name: str
    files: dict[str, None] = field(default_factory=dict)
    trainings: list[int] = field(default_factory=list)
    evaluation: tuple[int, NetworkEvaluation] | None = None


@dataclass(kw_only=True)
class RunEntry:
    """Records of one run.

    Attributes:
        first: When the first was added, ISO 8601.
        last: When the newest was.
        numbers: Of its records.
        states: How many steps ended how.
    """

    name: str
    first: str = ""
    last: str = ""
    numbers: list[int] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    timed: int = 0
