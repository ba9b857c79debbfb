"""Where a written site has records: on pages of files and runs, whole in the JSON beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zoo.results.layer_errors import EXPLAIN
from zoo.results.queries import several
from zoo.results.records import as_plain
from zoo.server.catalogue import Catalogue
from zoo.server.environments import environment_name, shared_part
from zoo.server.file_entries import FileEntry
from zoo.server.page import environment_path, file_path, run_path


class RecordPlaces:
    """Pages of records, by their numbers."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._read = -1
        self._runs: dict[int, str] = {}
        self._shown: dict[int, str] = {}
        self._of_files: set[int] = set()

    def path_of(self, number: int) -> str:
        """The page with a row for a record: that of its file, else that of its run."""
        self._look()
        return self._shown.get(number) or self._runs[number]

    def of_file(self, entry: FileEntry) -> list[int]:
        """Numbers of a file's gates, latencies, explanations and, where it is known, export."""
        found = [gate.number for gate in entry.gates] + [t.number for t in entry.timings]
        found += [explanation.number for explanation in entry.explanations]
        export = self._catalogue.export_of(entry)
        return sorted([*found, *([] if export is None else [export])])

    def of_run_alone(self, numbers: Iterable[int]) -> list[int]:
        """Those of a run's records that belong to no file."""
        self._look()
        return [number for number in numbers if number not in self._of_files]

    def whole(
        self, numbers: Iterable[int], entry: FileEntry | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Records by kind; of their environments what is shared is named by its page.

        Those of a file do not repeat its name and SHA-256.
        """
        known = {} if entry is None else {"file": entry.name, "sha256": entry.sha256}
        found: dict[str, list[dict[str, Any]]] = {}
        for number, stored in several(self._catalogue.store, numbers):
            record = _told(as_plain(stored.record))
            # The first names files in the cache of the machine that ran it, the others its run.
            for name in ("key", "cached", "needless"):
                record.pop(name, None)
            result = record.get("result", {})
            if stored.record.kind == EXPLAIN:
                result.pop("command", None)  # may name paths of the machine that ran it
            environment = result.get("environment")
            if isinstance(environment, dict):
                whole = stored.record.result["environment"] if stored.record.result else {}
                shared = shared_part(whole)
                own = {key: one for key, one in environment.items() if key not in shared}
                name = environment_path(environment_name(shared))
                result["environment"] = {"shared": name, **own} if shared else own
            for name in [name for name, value in known.items() if result.get(name) == value]:
                del result[name]
            told = {"number": number, "run": stored.run, **record}
            found.setdefault(told.pop("kind"), []).append(told)
        return found

    def _look(self) -> None:
        if self._read == self._catalogue.read:
            return
        self._runs, self._shown, self._of_files = {}, {}, set()
        for run in self._catalogue.runs.values():
            self._runs |= dict.fromkeys(run.numbers, run_path(run.name))
        for entry in self._catalogue.files.values():
            path = file_path(entry.sha256)
            shown = [timing.number for timing in entry.newest()]
            shown += [entry.gate.number] if entry.gate else []
            shown += [explanation.number for explanation in entry.explanations[-1:]]
            self._shown |= dict.fromkeys(shown, path)
            self._of_files.update(self.of_file(entry))
        self._read = self._catalogue.read


def _told(value: Any) -> Any:
    """A record without what is empty or was not measured."""
    if isinstance(value, dict):
        inner = {key: _told(one) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one not in (None, "", [], {}, ())}
    return [_told(one) for one in value] if isinstance(value, list | tuple) else value
