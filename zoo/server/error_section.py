"""Error by layer on the page of a file, or how to find it out."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from zoo.common.errors import ZooError
from zoo.contracts.precision import BASELINE
from zoo.registry import Registry
from zoo.report.charts.layer_chart import error_chart
from zoo.report.charts.svg import Chart
from zoo.report.layer_errors import HEADINGS, error_rows, worst_in_words
from zoo.report.layer_table import SAME_DB
from zoo.results.addresses import default_url, parsed_address
from zoo.results.layer_errors import LayerErrors
from zoo.results.records import as_plain
from zoo.server.catalogue import Catalogue
from zoo.server.file_entries import FileEntry
from zoo.server.kept_files import KeptFile, KeptFiles
from zoo.server.page import record_path

#: What the page says of the file anyway, or the page of the record.
_OF_THE_FILE = ("file", "sha256", "environment")
_NOT_YET = "Not compared with its float32 file yet. This does so:"
#: Rows of the table, served and written.
_ROWS, _WRITTEN_ROWS = 10, 5
#: Layers of the drawing.
_DRAWN = 24
#: A written site of more files than this has no such drawings: it stays small.
MOST_FILES_DRAWN = 200
#: Drawings that are remembered.
_REMEMBERED = 64


@dataclass(frozen=True, kw_only=True)
class ErrorSection:
    """What the section shows.

    Attributes:
        found: The newest record; None where there is none, or it cannot be read.
        words: The worst layer; without a record, why there is none.
        command: What makes a record; empty where nothing does.
        number: Of the record.
        rows: Headings, and the worst layers.
        left_out: Layers without a row.
        chart: None where it is left out.
    """

    found: LayerErrors | None = None
    words: str
    command: str = ""
    number: int = 0
    record: str = ""
    created: str = ""
    headings: tuple[str, ...] = HEADINGS
    rows: tuple[tuple[str, ...], ...] = ()
    left_out: int = 0
    chart: Chart | None = None

    def plain(self) -> dict[str, Any] | None:
        """For programs: the record without what names the file; None where there is none."""
        if self.found is None:
            return None
        told = as_plain(self.found)
        kept = {name: one for name, one in told.items() if name not in _OF_THE_FILE}
        return {**kept, "record": self.record}

    def published(self) -> dict[str, Any] | None:
        """The same for others: without the command, which may name paths of this machine."""
        told = self.plain()
        return told and {name: one for name, one in told.items() if name != "command"}


class ErrorSections:
    """These sections of all files."""

    def __init__(
        self, catalogue: Catalogue, registry: Registry, kept: KeptFiles, *, static: bool
    ) -> None:
        self._catalogue, self._registry, self._kept = catalogue, registry, kept
        self._static = static
        self._drawn: dict[int, Chart] = {}

    def section(self, entry: FileEntry, kept: KeptFile | None) -> ErrorSection:
        """Of a file, which is kept or not."""
        if not entry.explanations:
            return self._missing(entry, kept, "")
        newest = entry.explanations[-1]
        found = self._catalogue.layer_errors(newest.number)
        if found is None:
            other = "Its record is another version’s, which cannot be shown. "
            return self._missing(entry, kept, other)
        lossy = [one for one in found.worst_first if (one.own_sqnr_db or 0.0) < SAME_DB]
        worst = lossy[: _WRITTEN_ROWS if self._static else _ROWS]
        return ErrorSection(
            found=found,
            words=worst_in_words(found),
            number=newest.number,
            record=record_path(newest.number),
            created=newest.created,
            rows=tuple(error_rows(worst)),
            left_out=len(found.layers) - len(worst),
            chart=self._chart(newest.number, found),
        )

    def _chart(self, number: int, found: LayerErrors) -> Chart | None:
        if self._static and len(self._catalogue.files) > MOST_FILES_DRAWN:
            return None
        if number not in self._drawn:
            while len(self._drawn) >= _REMEMBERED:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[number] = error_chart(found.layers, _DRAWN)
        return self._drawn[number]

    def _missing(self, entry: FileEntry, kept: KeptFile | None, before: str) -> ErrorSection:
        if why := self._why_never(entry, kept):
            return ErrorSection(words=why)
        command = ["zoo", "explain", entry.name]
        if not self._static:
            command = ["zoo", "explain", *self._operands(entry, kept)]
            command += self._store()
        words = f"{before}This makes another:" if before else _NOT_YET
        return ErrorSection(words=words, command=shlex.join(command))

    def _store(self) -> list[str]:
        """Has the command record where these pages read; a password is shown to nobody."""
        url = self._catalogue.store.url
        hidden = parsed_address(url).password is not None
        return [] if hidden or url == default_url() else ["--store", url]

    def _why_never(self, entry: FileEntry, kept: KeptFile | None) -> str:
        """Why `zoo explain` refuses a file; empty where it takes it, or that is not known."""
        manifest = None if kept is None else kept.artifact.manifest
        if kept is not None and manifest is None:
            return "It has no manifest, which would name the float32 file to compare it with."
        if entry.gate is None:
            return ""
        gate = entry.gate.result
        if gate.parts:
            return "One of several files of a network, which are not compared layer by layer."
        if gate.precision == BASELINE.name:
            return f"It is a {BASELINE.name} file: the one that others are compared with."
        try:
            exporter = self._registry.exporters.get(gate.format)
        except ZooError:
            return ""
        none = f"The plugin of {exporter.name} files compares no layers."
        return none if exporter.compare_layers is None else ""

    def _operands(self, entry: FileEntry, kept: KeptFile | None) -> list[str]:
        """The file and its twin where the cache keeps them; else the file by its name."""
        twin = None if kept is None else self._twin(entry, kept)
        if kept is None or twin is None:
            return [entry.name]
        return [str(kept.path), "--against", str(twin.path)]

    def _twin(self, entry: FileEntry, kept: KeptFile) -> KeptFile | None:
        mine = kept.artifact.manifest
        model = self._catalogue.models[self._catalogue.model_of_file(entry.sha256)]
        for other in reversed(self._catalogue.files_of(model.files)):
            gate = other.gate
            if gate is None or gate.result.precision != BASELINE.name:
                continue
            alike = gate.result.format == kept.artifact.exporter.name
            there = self._kept.open(other) if alike else None
            theirs = None if there is None else there.artifact.manifest
            if mine is None or theirs is None:
                continue
            if (theirs.weights_sha256, theirs.end_to_end) == (mine.weights_sha256, mine.end_to_end):
                return there
        return None
