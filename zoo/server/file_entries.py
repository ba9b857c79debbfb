"""Files by their content, as a catalogue has them: verdicts, latencies, explanations."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.contracts.task import Metric
from zoo.results.records import GateResult
from zoo.server.slim_results import SlimMeasurement

#: Verdict on a file of which nothing but its errors by layer is known.
EXPLAINED = "explained"


@dataclass(frozen=True, kw_only=True)
class StoredTiming(SlimMeasurement):
    """A recorded latency.

    Attributes:
        number: Of its record in the store.
        key: Of its step: names its raw samples.
        environment: Name of the part of its environment that it shares with others.
    """

    number: int
    run: str
    key: str
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


@dataclass(frozen=True, kw_only=True)
class ExplanationEntry:
    """The record of a file's errors by layer.

    Attributes:
        number: Of its record.
    """

    number: int
    created: str


@dataclass(kw_only=True)
class FileEntry:
    """A file by its content.

    Attributes:
        sha256: Of the whole file, with its manifest.
        gates: Verdicts on it, the oldest first; empty for a file that was only timed.
        timings: The same of latencies.
        explanations: The same of errors by layer.
    """

    sha256: str
    name: str
    gates: list[GateEntry] = field(default_factory=list)
    timings: list[StoredTiming] = field(default_factory=list)
    explanations: list[ExplanationEntry] = field(default_factory=list)

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
        """How the gate ended; where there was none, ``timed`` or ``explained``."""
        if self.gate is None:
            return "timed" if self.timings else EXPLAINED
        return "passed" if self.gate.result.passed else "rejected"

    @property
    def weak(self) -> bool:
        """Whether something speaks against the network that it was made from."""
        gate = self.gate
        return gate is not None and any(f.weak for f in gate.result.evaluation.findings)

    @property
    def created(self) -> str:
        """When the newest verdict on it, or else its first record, was made."""
        if self.gate is not None:
            return self.gate.created
        if self.timings:
            return self.timings[0].measurement.created
        return self.explanations[0].created

    @property
    def number(self) -> int:
        """Of the record that `created` dates: files in the order in which they were recorded."""
        if self.gate is not None:
            return self.gate.number
        return (self.timings or self.explanations)[0].number

    def newest(self) -> list[StoredTiming]:
        """Of each place the newest latency that may be ranked, else the newest."""
        found: dict[tuple[object, ...], StoredTiming] = {}
        for timing in self.timings:
            before = found.get(timing.place)
            if before is None or timing.ranked or not before.ranked:
                found[timing.place] = timing
        return list(found.values())
