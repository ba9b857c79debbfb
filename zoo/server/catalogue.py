"""What a results store holds, by file, model, run and device; only what is new is ever read."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.results.measurements import Measurement
from zoo.results.queries import later_than, numbered, numbers_behind
from zoo.results.records import GateResult, NetworkEvaluation, StepRecord, TrainingResult
from zoo.results.store import Store, StoredRecord
from zoo.server.entries import FileEntry, GateEntry, ModelEntry, RunEntry, StoredTiming
from zoo.server.environments import environment_name, shared_part

#: Records that are read at once.
_CHUNK = 2000
#: A server's database may show a record after one with a higher number: how many are looked at
#: again.
_LATE = 256

_GATE, _MEASUREMENT = TypeAdapter(GateResult), TypeAdapter(Measurement)
_TRAINING, _EVALUATION = TypeAdapter(TrainingResult), TypeAdapter(NetworkEvaluation)


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
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.files: dict[str, FileEntry] = {}
        self.models: dict[str, ModelEntry] = {}
        self.runs: dict[str, RunEntry] = {}
        self.exports: dict[str, list[int]] = {}
        self.environments: dict[str, dict[str, Any]] = {}
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
            environment=self._environment(found.environment),
        )
        self._file(found.sha256, found.file, run).timings.append(timing)

    def _environment(self, environment: Mapping[str, Any]) -> str:
        shared = shared_part(environment)
        name = environment_name(shared) if shared else ""
        if name:
            self.environments.setdefault(name, shared)
        return name

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
