"""The page of a file: its gate, contents, latencies and history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.registry import Registry
from zoo.results import formatting as fmt
from zoo.results.measurements import Profile
from zoo.results.queries import numbered
from zoo.results.records import Export
from zoo.server.bundle_files import LARGEST
from zoo.server.catalogue import Catalogue
from zoo.server.error_section import ErrorSection, ErrorSections
from zoo.server.figures import brief_timing, plain_file, plain_timing, size_of, timing_cells
from zoo.server.file_entries import FileEntry, StoredTiming
from zoo.server.golden_pictures import golden_pictures
from zoo.server.kept_files import KeptFiles
from zoo.server.model_pages import file_cells
from zoo.server.page import Page, file_path, model_path, record_path, run_path, trend_path
from zoo.server.path_index import PathIndex
from zoo.server.record_places import RecordPlaces
from zoo.server.try_files import TryFiles

_EXPORT = TypeAdapter(Export)
#: Latencies in the list of a file's history.
HISTORY = 100


class FilePages:
    """Pages of files.

    Attributes:
        tries: What pages need to run files themselves.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        registry: Registry,
        kept: KeptFiles,
        task_of: Callable[[str], str],
        *,
        places: RecordPlaces | None,
    ) -> None:
        self._catalogue, self._kept, self._task_of = catalogue, kept, task_of
        self._registry, self._places = registry, places
        self.tries = TryFiles(registry)
        self._by_path = PathIndex(
            catalogue, lambda: catalogue.files.values(), lambda entry: file_path(entry.sha256)
        )
        self._errors = ErrorSections(catalogue, registry, kept, static=places is not None)

    def paths(self) -> Iterator[str]:
        """Of all of them."""
        yield from (file_path(f.sha256) for f in self._catalogue.files.values())

    def entry(self, path: str) -> FileEntry | None:
        """The file whose page is at a path; None where there is none."""
        return self._by_path.at(path)

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        entry = self.entry(path)
        return None if entry is None else self._page(path, entry)

    def _page(self, path: str, entry: FileEntry) -> Page:
        gate = entry.gate
        model = self._catalogue.model_of_file(entry.sha256)
        kept = self._kept.open(entry)
        manifest = None if kept is None else kept.artifact.manifest
        export = self._export(entry)
        contents = kept.artifact.contents if kept is not None else export and export.contents
        versions = self._catalogue.versions(entry.name)
        history = sorted(
            (t for f in versions for t in f.timings),
            key=lambda t: t.number,
            reverse=True,
        )
        facts = {
            "model": model,
            "task": (manifest.task if manifest else self._task_of(model)) or "unknown",
            "size": fmt.size_text(size_of(entry)),
            "SHA-256": entry.sha256,
        }
        if gate is not None:
            facts |= {
                "format": gate.result.format,
                "precision": gate.result.precision,
                "judged on": f"{gate.result.evaluation.dataset}, {gate.result.evaluation.split}",
            }
        if manifest is not None:
            facts["licence"] = manifest.licence
        errors = self._errors.section(entry, kept)
        others = [f for f in reversed(versions) if f is not entry]
        operators = sorted(contents.operators.items(), key=lambda o: -o[1]) if contents else []
        return Page(
            path=path,
            template="file.html",
            title=entry.name,
            section="Models",
            data={
                "model": model,
                "task": facts["task"],
                **self._results(entry, history, dict(operators), errors),
            },
            values={
                "entry": entry,
                "cells": file_cells(entry),
                "model": (model, model_path(model)),
                "gate": gate,
                "gate_record": record_path(gate.number) if gate else "",
                "run": (gate.run, run_path(gate.run)) if gate else None,
                "facts": facts,
                "findings": gate.result.evaluation.findings if gate else (),
                "golden": golden_pictures(self._registry, kept),
                "errors": errors,
                "profile": self._profile(entry),
                "operators": operators,
                "held": contents,
                "timings": [timing_cells(t) for t in entry.newest()],
                "environments": sorted({t.environment for t in entry.newest()} - {""}),
                "history": [
                    (timing_cells(t), t.measurement.sha256 == entry.sha256)
                    for t in history[:HISTORY]
                ],
                "more": max(0, len(history) - HISTORY),
                "trend": trend_path(entry.name) if self._catalogue.has_trend(entry.name) else "",
                "versions": [file_cells(f) for f in others[:HISTORY]],
                "bundled": entry.verdict == "passed" and (size_of(entry) or 0) <= LARGEST,
                "downloads": [] if kept is None or self._places else [entry.name],
                "trial": self.tries.trial(kept),
            },
        )

    def _results(
        self,
        entry: FileEntry,
        history: list[StoredTiming],
        operators: dict[str, int],
        errors: ErrorSection,
    ) -> dict[str, Any]:
        """For programs; a written site has the rest in one file of all records."""
        if self._places is not None:
            return {
                **plain_file(entry, latencies=False),
                "latencies": [
                    {"device": t.measurement.device, **brief_timing(t)} for t in entry.newest()
                ],
                "error_by_layer": errors.published(),
                "records": self._places.of_file(entry),
            }
        gate = entry.gate
        return {
            **plain_file(entry),
            "operators": operators,
            "checks": [asdict(c) for c in gate.result.checks] if gate else [],
            "metrics": [asdict(m) for m in gate.result.evaluation.metrics] if gate else [],
            "drop": gate.result.drop if gate else None,
            "error_by_layer": errors.plain(),
            "history": [plain_timing(t) for t in history if t not in entry.timings],
        }

    def _profile(self, entry: FileEntry) -> tuple[StoredTiming, Profile] | None:
        """The newest latency of it with the time of each operator."""
        for timing in reversed(entry.timings):
            if timing.profiled:
                found = self._catalogue.measurement(timing.number)
                if found is not None and found.profile is not None:
                    return timing, found.profile
        return None

    def _export(self, entry: FileEntry) -> Export | None:
        """What the exporter found in the file; None where that is not recorded."""
        number = self._catalogue.export_of(entry)
        stored = None if number is None else numbered(self._catalogue.store, number)
        try:
            return None if stored is None else _EXPORT.validate_python(stored.record.result)
        except ValidationError:  # another version's record
            return None
