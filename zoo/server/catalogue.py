"""What a results store holds, by file, model, run and device; only what is new is ever read."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from zoo.common.errors import ZooError
from zoo.results.connecting import NoStore
from zoo.results.layer_errors import EXPLAIN, LayerErrors
from zoo.results.measurements import Measurement
from zoo.results.queries import ResultText, numbered, numbers_behind, results_later_than
from zoo.results.records import GateResult, TrainingResult
from zoo.results.store import Store
from zoo.server.environments import environment_name, shared_part
from zoo.server.file_entries import ExplanationEntry, FileEntry, GateEntry, StoredTiming
from zoo.server.model_and_run_entries import ModelEntry, RunEntry
from zoo.server.slim_results import (
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
_KINDS = ("bench", "gate", "export", "finetune", "evaluate", EXPLAIN)
#: A store that failed is not asked again for so long.
_PAUSE_SECONDS = 1.0

_MEASUREMENT, _TRAINING = TypeAdapter(Measurement), TypeAdapter(TrainingResult)
_LAYER_ERRORS = TypeAdapter(LayerErrors)
_Result = TypeVar("_Result")


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
        elif row.kind == EXPLAIN:
            self._add_explanation(row, result, run)
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
        found, name = slim_measurement(result), self._environment(result)
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

    def _add_explanation(self, row: ResultText, result: dict[str, Any], run: RunEntry) -> None:
        sha256, name = result.get("sha256"), result.get("file")
        if not (isinstance(sha256, str) and isinstance(name, str)):
            raise ValueError("it does not say of which file it is")
        self._environment(result)
        entry = ExplanationEntry(number=row.number, created=row.created)
        self._file(sha256, name, run).explanations.append(entry)

    def _environment(self, result: dict[str, Any]) -> str:
        """Keeps the part that a result shares with others; its name, empty where there is none."""
        environment = result.get("environment")
        shared = shared_part(environment) if isinstance(environment, dict) else {}
        name = environment_name(shared) if shared else ""
        if name:
            self.environments.setdefault(name, shared)
        return name

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
        return self._whole(number, _MEASUREMENT)

    def layer_errors(self, number: int) -> LayerErrors | None:
        """The whole of an explanation's record; None where it cannot be read."""
        return self._whole(number, _LAYER_ERRORS)

    def _whole(self, number: int, kind: TypeAdapter[_Result]) -> _Result | None:
        stored = numbered(self.store, number)
        try:
            return None if stored is None else kind.validate_python(stored.record.result)
        except ValidationError:  # another version's record
            return None
