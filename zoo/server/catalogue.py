"""What a results store holds, by file, model, run and device; only what is new is ever read."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from zoo.contracts.task import Metric
from zoo.results.measurements import Measurement
from zoo.results.queries import later_than, numbered, numbers_behind
from zoo.results.records import GateResult, NetworkEvaluation, StepRecord, TrainingResult
from zoo.results.store import Store, StoredRecord

#: Records that are read at once.
_CHUNK = 2000
#: A server's database may show a record after one with a higher number: how many are looked at
#: again.
_LATE = 256

_GATE, _MEASUREMENT = TypeAdapter(GateResult), TypeAdapter(Measurement)
_TRAINING, _EVALUATION = TypeAdapter(TrainingResult), TypeAdapter(NetworkEvaluation)


@dataclass(frozen=True, kw_only=True)
class StoredTiming:
    """A recorded latency.

    Attributes:
        number: Of its record in the store.
        key: Of its step: names its raw samples.
        measurement: Without environment, placement, profile and summaries; its record has them.
        profiled: Whether its record has the time of each operator.
        summarized: Whether a vendor's tool measured it, which leaves no interval.
    """

    number: int
    run: str
    key: str
    measurement: Measurement
    profiled: bool
    summarized: bool

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


class Catalogue:
    """What a store holds, kept in memory.

    Attributes:
        store: What it is read from.
        files: By SHA-256.
        models: By id.
        runs: By name, in the order of their first records.
        lock: Held while records are added; a page is made of one state by who holds it.
        newest: The highest number that was read.
        read: How many records were read.
        exports: File name → numbers of the records of its exports.
        unread: Records of results that other versions of edgezoo laid out in another way.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.files: dict[str, FileEntry] = {}
        self.models: dict[str, ModelEntry] = {}
        self.runs: dict[str, RunEntry] = {}
        self.exports: dict[str, list[int]] = {}
        self.newest = self.read = self.unread = 0
        self._seen: set[int] = set()
        self._names: dict[str, str] = {}
        self.lock = threading.RLock()

    def refresh(self) -> None:
        """Reads what was added.

        Raises:
            ZooError: The store cannot be read.
        """
        with self.lock:
            behind = max(0, self.newest - _LATE)
            numbers = set(numbers_behind(self.store, behind))
            if numbers <= self._seen:
                return
            while rows := later_than(self.store, behind, _CHUNK):
                for number, stored in rows:
                    if number not in self._seen:
                        self._add(number, stored)
                behind = rows[-1][0]
                self.newest = max(self.newest, behind)
            self._seen = {n for n in self._seen if n > self.newest - 2 * _LATE}
            self._sort_files()

    def newest_stored(self) -> int:
        """The number of the newest record in the store, read or not."""
        return max(numbers_behind(self.store, self.newest), default=self.newest)

    def _add(self, number: int, stored: StoredRecord) -> None:
        self._seen.add(number)
        self.read += 1
        record = stored.record
        run = self.runs.setdefault(stored.run, RunEntry(name=stored.run))
        run.numbers.append(number)
        run.first = min(filter(None, (run.first, record.created)), default="")
        run.last = max(run.last, record.created)
        # Another one: a page that is being written has the one before.
        run.states = {**run.states, record.status: run.states.get(record.status, 0) + 1}
        if record.result is None or record.status not in ("passed", "rejected"):
            return
        adders = {
            "gate": self._add_gate,
            "bench": self._add_timing,
            "finetune": self._add_training,
            "evaluate": self._add_evaluation,
            "export": self._add_export,
        }
        try:
            if record.kind in adders:
                adders[record.kind](number, record, run)
        except ValidationError:
            self.unread += 1

    def _add_gate(self, number: int, record: StepRecord, run: RunEntry) -> None:
        result = _GATE.validate_python(record.result)
        slim = replace(result, evaluation=replace(result.evaluation, details={}, recalls={}))
        for file in result.files:
            entry = self._file(file.sha256, file.file, run)
            gate = GateEntry(
                number=number, run=run.name, key=record.key, created=record.created, result=slim
            )
            entry.gates.append(gate)

    def _add_timing(self, number: int, record: StepRecord, run: RunEntry) -> None:
        found = _MEASUREMENT.validate_python(record.result)
        run.timed += 1
        slim = replace(
            found,
            environment={},
            inputs={},
            placement={k: v for k, v in found.placement.items() if k != "name"},
            profile=None,
            sustained=None,
            accuracy=None,
            summaries=(),
        )
        timing = StoredTiming(
            number=number,
            run=run.name,
            key=record.key,
            measurement=slim,
            profiled=found.profile is not None,
            summarized=bool(found.summaries),
        )
        self._file(found.sha256, found.file, run).timings.append(timing)

    def _add_training(self, number: int, record: StepRecord, run: RunEntry) -> None:
        found = _TRAINING.validate_python(record.result)
        run.models[found.model_id] = None
        self._model(found.model_id).trainings.append(number)

    def _add_evaluation(self, number: int, record: StepRecord, run: RunEntry) -> None:
        found = _EVALUATION.validate_python(record.result)
        run.models[found.subject] = None
        self._model(found.subject).evaluation = (number, replace(found, details={}))

    def _add_export(self, number: int, record: StepRecord, run: RunEntry) -> None:
        self.exports.setdefault(str((record.result or {}).get("file")), []).append(number)

    def _model(self, name: str) -> ModelEntry:
        return self.models.setdefault(name, ModelEntry(name=name))

    def _file(self, sha256: str, name: str, run: RunEntry) -> FileEntry:
        run.files[sha256] = None
        return self.files.setdefault(sha256, FileEntry(sha256=sha256, name=name))

    def _sort_files(self) -> None:
        """Puts files into their models, of which some are recorded after them."""
        for sha256, entry in self.files.items():
            name = self.model_of(entry.name)
            before = self._names.get(sha256)
            if before == name:
                continue
            if before is not None:
                del self.models[before].files[sha256]
                if not (self.models[before].files or self.models[before].trainings):
                    del self.models[before]
            self._names[sha256] = name
            self._model(name).files[sha256] = None

    def model_of(self, file: str) -> str:
        """The model that a file's name begins with: a known one, else variant and tag."""
        parts = file.split(".")
        for count in range(len(parts) - 1, 0, -1):
            name = ".".join(parts[:count])
            model = self.models.get(name)
            if model is not None and (model.trainings or model.evaluation):
                return name
        return ".".join(parts[:2])

    def model_of_file(self, sha256: str) -> str:
        """The model of a known file."""
        return self._names[sha256]

    def files_of(self, shas: Iterable[str]) -> list[FileEntry]:
        """Entries of files."""
        return [self.files[sha256] for sha256 in shas]

    def versions(self, name: str) -> list[FileEntry]:
        """All files of a name, the oldest first."""
        return [
            self.files[s]
            for s in self.models[self.model_of(name)].files
            if self.files[s].name == name
        ]

    def places(self, name: str) -> dict[tuple[object, ...], list[StoredTiming]]:
        """All latencies of a name by place, the oldest first."""
        found: dict[tuple[object, ...], list[StoredTiming]] = {}
        every = (t for entry in self.versions(name) for t in entry.timings)
        for timing in sorted(every, key=lambda t: t.number):
            found.setdefault(timing.place, []).append(timing)
        return found

    def has_trend(self, name: str) -> bool:
        """Whether files of a name were timed more than once in a place."""
        return any(len(one) > 1 for one in self.places(name).values())

    def measurement(self, number: int) -> Measurement | None:
        """The whole of a latency's record; None where it cannot be read."""
        stored = numbered(self.store, number)
        try:
            return None if stored is None else _MEASUREMENT.validate_python(stored.record.result)
        except ValidationError:
            return None
