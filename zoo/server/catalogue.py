"""What a results store holds, by file, model, run and device; only what is new is ever read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.common.errors import ZooError
from zoo.contracts.task import Metric
from zoo.results.connecting import NoStore
from zoo.results.measurements import Measurement
from zoo.results.queries import ResultText, numbered, numbers_behind, results_later_than
from zoo.results.records import GateResult, TrainingResult
from zoo.results.store import Store
from zoo.server.environments import environment_name, shared_part
from zoo.server.model_and_run_entries import ModelEntry, RunEntry
from zoo.server.slim_results import (
    SlimMeasurement,
    result_in,
    slim_evaluation,
    slim_gate,
    slim_measurement,
)

#: Records that are read at once.
_CHUNK = 2000
#: A server's database may show a record after one with a higher number: how many are looked at
#: again.
_LATE = 256

#: Kinds of steps of which the result is kept.
_KINDS = ("bench", "gate", "export", "finetune", "evaluate")
#: A store that failed is not asked again for so long.
_PAUSE_SECONDS = 1.0

_MEASUREMENT, _TRAINING = TypeAdapter(Measurement), TypeAdapter(TrainingResult)


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

    @property
    def number(self) -> int:
        """Of the record that `created` dates: files in the order in which they were recorded."""
        return self.gate.number if self.gate is not None else self.timings[0].number

    def newest(self) -> list[StoredTiming]:
        """Of each place the newest latency that may be ranked, else the newest."""
        found: dict[tuple[object, ...], StoredTiming] = {}
        for timing in self.timings:
            before = found.get(timing.place)
            if before is None or timing.ranked or not before.ranked:
                found[timing.place] = timing
        return list(found.values())


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
        environments: By name, the parts that latencies share.
        unread: Records of results that other versions of edgezoo laid out in another way.
        missing: Whether there is no store yet.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = threading.RLock()
        self.read = 0
        self._openings = store.openings
        self._failed: tuple[float, ZooError] | None = None
        self._clear()

    def _clear(self) -> None:
        self.files: dict[str, FileEntry] = {}
        self.models: dict[str, ModelEntry] = {}
        self.runs: dict[str, RunEntry] = {}
        self.exports: dict[str, list[int]] = {}
        self.environments: dict[str, dict[str, Any]] = {}
        self.newest = self.unread = 0
        self.missing = False
        self._seen: set[int] = set()
        self._names: dict[str, str] = {}

    def refresh(self) -> None:
        """Reads what was added; another store under the same name is read from its beginning.

        Raises:
            ZooError: The store cannot be read. Who asks again at once gets the same: a server that
                does not answer takes seconds each time.
        """
        with self.lock:
            if self._failed is not None and time.monotonic() < self._failed[0] + _PAUSE_SECONDS:
                raise self._failed[1].with_traceback(None)
            self._failed = None
            try:
                self._read_new()
            except NoStore:
                self._clear()
                self.read += 1  # pages that were made of what was there are made anew
                self.missing = True
            except ZooError as error:
                self._failed = time.monotonic(), error
                raise

    def _read_new(self) -> None:
        self.store.ready()
        if self._openings != self.store.openings:
            self._openings = self.store.openings
            self._clear()
        self.missing = False
        behind = max(0, self.newest - _LATE)
        if self.newest:
            numbers = set(numbers_behind(self.store, behind))
            if any(number > behind for number in self._seen - numbers):
                self._clear()  # records never go away: another store is there
                behind = 0
            elif numbers <= self._seen:
                return
        try:
            while rows := results_later_than(self.store, behind, _CHUNK, _KINDS):
                for row in rows:
                    if row.number not in self._seen:
                        self._add(row)
                behind = rows[-1].number
                self.newest = max(self.newest, behind)
        finally:
            self._seen = {n for n in self._seen if n > self.newest - 2 * _LATE}
            self._sort_files()

    def newest_stored(self) -> int:
        """The number of the newest record in the store, read or not."""
        return max(numbers_behind(self.store, self.newest), default=self.newest)

    def _add(self, row: ResultText) -> None:
        self._seen.add(row.number)
        self.read += 1
        run = self.runs.setdefault(row.run, RunEntry(name=row.run))
        run.numbers.append(row.number)
        run.first = min(filter(None, (run.first, row.created)), default="")
        run.last = max(run.last, row.created)
        # Another one: a page that is being written has the one before.
        run.states = {**run.states, row.status: run.states.get(row.status, 0) + 1}
        if row.body is None:
            return
        try:
            self._add_result(row, result_in(row.body), run)
        except ValueError:
            self.unread += 1

    def _add_result(self, row: ResultText, result: dict[str, Any], run: RunEntry) -> None:
        if row.kind == "bench":
            self._add_timing(row, result, run)
        elif row.kind == "gate":
            self._add_gate(row, slim_gate(result), run)
        elif row.kind == "export":
            self.exports.setdefault(str(result.get("file")), []).append(row.number)
        elif row.kind == "finetune":
            name = _TRAINING.validate_python(result).model_id
            run.models[name] = None
            self._model(name).trainings.append(row.number)
        else:
            found = slim_evaluation(result)
            run.models[found.subject] = None
            self._model(found.subject).evaluation = row.number, found

    def _add_gate(self, row: ResultText, found: GateResult, run: RunEntry) -> None:
        gate = GateEntry(
            number=row.number, run=run.name, key=row.key, created=row.created, result=found
        )
        for file in found.files:
            self._file(file.sha256, file.file, run).gates.append(gate)

    def _add_timing(self, row: ResultText, result: dict[str, Any], run: RunEntry) -> None:
        found, shared = slim_measurement(result), shared_part(result.get("environment") or {})
        name = environment_name(shared) if shared else ""
        if name:
            self.environments.setdefault(name, shared)
        run.timed += 1
        m = found.measurement
        # A clock that is ahead, of the machine that measured, is corrected by that of the store.
        created = min(filter(None, (m.created, row.created)), default="")
        found = replace(found, measurement=replace(m, created=created))
        timing = StoredTiming(
            number=row.number, run=run.name, key=row.key, environment=name, **vars(found)
        )
        entry = self._file(m.sha256, m.file, run)
        entry.timings.append(timing)

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

    def export_of(self, entry: FileEntry) -> int | None:
        """The number of the record of a file's export: the last of its name before its gate."""
        gate = entry.gate
        numbers = self.exports.get(entry.name, [])
        return max((n for n in numbers if gate is not None and n < gate.number), default=None)

    def measurement(self, number: int) -> Measurement | None:
        """The whole of a latency's record; None where it cannot be read."""
        stored = numbered(self.store, number)
        try:
            return None if stored is None else _MEASUREMENT.validate_python(stored.record.result)
        except ValidationError:
            return None
