"""Where a written site has rows for records: on pages of files and runs."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.server.catalogue import Catalogue
from zoo.server.file_entries import FileEntry
from zoo.server.page import file_path, run_path


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
