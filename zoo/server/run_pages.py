"""Runs, and single records with their environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.benchmark.compare.comparing import compare_runs
from zoo.benchmark.compare.wording import plain
from zoo.common.errors import UsageError
from zoo.pipeline.report_notes import REPORT, noted_report
from zoo.pipeline.running import RunningPlan, running_plans
from zoo.report.charts.svg import Chart
from zoo.report.charts.training_chart import training_charts
from zoo.report.environment import environment_rows
from zoo.report.pages.comparison import comparison_values
from zoo.results import formatting as fmt
from zoo.results.queries import numbered
from zoo.results.records import StepRecord, TrainingResult
from zoo.server.catalogue import Catalogue
from zoo.server.environments import environment_name, shared_part
from zoo.server.figures import numbered_part, part, parts_of
from zoo.server.model_and_run_entries import RunEntry
from zoo.server.model_pages import file_cells
from zoo.server.page import (
    SHELL,
    Page,
    environment_path,
    file_path,
    model_path,
    record_path,
    run_path,
)
from zoo.server.path_index import PathIndex
from zoo.server.record_places import RecordPlaces
from zoo.server.records_file import published_result

LIST, COMPARE = "runs/", "compare/"
_TRAINING = TypeAdapter(TrainingResult)
#: Of a record's result, longer lists and tables are left to its JSON.
_MOST = 40
#: Bytes of a report that is served, and of one that is copied into a site.
LARGEST_REPORT, LARGEST_COPY = 64 << 20, 1 << 20


class RunPages:
    """Pages of runs and records."""

    def __init__(self, catalogue: Catalogue, *, places: RecordPlaces | None, store: str) -> None:
        self._catalogue, self._places, self._store = catalogue, places, store
        self._by_path = PathIndex(
            catalogue, lambda: catalogue.runs.values(), lambda run: run_path(run.name)
        )

    def paths(self) -> Iterator[str]:
        """Of all runs, and of all records where pages are served."""
        yield from parts_of(LIST, len(self._catalogue.runs))
        for run in self._catalogue.runs.values():
            yield run_path(run.name)
            if self._places is None:
                yield from map(record_path, run.numbers)

    def report_at(self, path: str) -> Path | None:
        """The report of the run whose page is at a path; None where there is none of usual size."""
        most = LARGEST_REPORT if self._places is None else LARGEST_COPY
        run = self._by_path.at(path)
        return None if run is None else noted_report(run.name, most)

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        section, _, rest = path.partition("/")
        if section == "records" and self._places is None:
            name = rest.rstrip("/")
            known = name.isdecimal() and len(name) < 19 and record_path(int(name)) == path
            return self._record(int(name)) if known else None
        if path == COMPARE and self._places is None:
            return self._compared(query.get("first", ""), query.get("second", ""))
        head, number = numbered_part(path)
        if head == LIST:
            return self._list(path, number)
        run = self._by_path.at(path)
        return None if run is None else self._run(path, run)

    def _list(self, path: str, number: int) -> Page | None:
        runs = sorted(self._catalogue.runs.values(), key=lambda run: run.newest, reverse=True)
        shown = part(runs, number)
        if number > 1 and not shown:
            return None
        running = self._running()
        return Page(
            path=path,
            template="runs.html",
            title="Runs",
            section="Runs",
            data={
                "runs": [_plain_run(run) for run in shown],
                "pages": parts_of(LIST, len(runs)),
                "running": [asdict(plan) for plan in running],
            },
            values={
                "running": running,
                "rows": [(run, run_path(run.name)) for run in shown],
                "pages": parts_of(LIST, len(runs)),
                "number": number,
            },
        )

    def _running(self) -> tuple[RunningPlan, ...]:
        return () if self._places else running_plans(self._store)

    def _compared(self, first: str, second: str) -> Page:
        """Two runs by their names; of a name that is none nothing is looked for elsewhere."""
        for name in (first, second):
            if name not in self._catalogue.runs:
                raise UsageError(
                    f"there is no run {name!r} in this store" if name else "two runs are compared",
                    fix="choose a first and a second run on the page of runs",
                )
        found = compare_runs(self._catalogue.store, first, second)
        return Page(
            path=COMPARE,
            template="comparison.html",
            title=f"{second} against {first}",
            section="Runs",
            data={"first": first, "second": second, **plain(found)},
            values={"shell": SHELL, **comparison_values(found)},
        )

    def _run(self, path: str, run: RunEntry) -> Page:
        records = self._catalogue.store.records(run=run.name)
        steps = [
            (stored.record, record_path(number), fmt.duration(stored.record.seconds))
            for number, stored in zip(sorted(run.numbers), records, strict=False)
        ]
        files = self._catalogue.files_of(run.files)
        alone = self._places.of_run_alone(run.numbers) if self._places else []
        charts = [
            chart
            for number, (record, _, _) in enumerate(steps)
            for chart in _training_charts(record, f"training-{number}")
        ]
        return Page(
            path=path,
            template="run.html",
            title=run.name,
            section="Runs",
            data={
                **_plain_run(run),
                "steps": [
                    {
                        "step": record.step,
                        "kind": record.kind,
                        "status": record.status,
                        "reason": record.reason,
                        "seconds": record.seconds,
                        "created": record.created,
                        "record": where,
                    }
                    for record, where, _ in steps
                ],
            },
            values={
                "run": run,
                "steps": steps,
                "report": f"{path}{REPORT}" if self.report_at(path) else "",
                "alone": [
                    (
                        number,
                        record.step,
                        result_rows(published_result(record.kind, record.status, record.result)),
                    )
                    for number, (record, _, _) in zip(sorted(run.numbers), steps, strict=False)
                    if number in alone and record.result
                ],
                "charts": charts,
                "files": [file_cells(entry) for entry in files],
                "models": [(name, model_path(name)) for name in run.models],
            },
        )

    def _record(self, number: int) -> Page | None:
        stored = numbered(self._catalogue.store, number)
        if stored is None:
            return None
        record, result = stored.record, dict(stored.record.result or {})
        environment = result.pop("environment", None) or {}
        shared = shared_part(environment)
        sha256 = result.get("sha256")
        entry = self._catalogue.files.get(sha256) if isinstance(sha256, str) else None
        return Page(
            path=record_path(number),
            template="record.html",
            title=record.step,
            section="Runs",
            data={"number": number, "run": stored.run, "record": asdict(record)},
            values={
                "record": record,
                "number": number,
                "run": (stored.run, run_path(stored.run)),
                "file": None if entry is None else (entry.name, file_path(entry.sha256)),
                "rows": result_rows(result),
                "environment": environment_rows(environment),
                "shared": environment_path(environment_name(shared)) if shared else "",
            },
        )


def _plain_run(run: RunEntry) -> dict[str, Any]:
    return {
        "run": run.name,
        "page": run_path(run.name),
        "first": run.first,
        "last": run.last,
        "records": len(run.numbers),
        "states": run.states,
        "models": list(run.models),
        "files": len(run.files),
        "latencies": run.timed,
    }


def _training_charts(record: StepRecord, name: str) -> tuple[Chart, ...]:
    if record.status != "passed" or not (record.result or {}).get("epochs"):
        return ()
    try:
        return tuple(training_charts(_TRAINING.validate_python(record.result), name))
    except ValidationError:
        return ()


def result_rows(result: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """A result as names and texts; tables within are written out, long ones are counted."""
    rows: dict[str, str] = {}
    for key, value in result.items():
        name = f"{before}{str(key).replace('_', ' ')}"
        if value is None or value == "" or value == [] or value == {}:
            continue
        if isinstance(value, Mapping):
            inner = result_rows(value, f"{name}: ")
            rows |= inner if len(inner) <= _MOST else {name: f"{len(inner)} entries"}
        elif isinstance(value, list | tuple):
            rows |= _list_rows(name, value)
        elif isinstance(value, float):
            rows[name] = fmt.number(value, 5)
        else:
            rows[name] = str(value)
    return rows


def _list_rows(name: str, values: list[Any] | tuple[Any, ...]) -> dict[str, str]:
    if all(isinstance(one, Mapping) and "name" in one for one in values):
        rows: dict[str, str] = {}
        for one in values[:_MOST]:
            inner = {k: v for k, v in one.items() if k != "name"}
            rows |= result_rows(inner, f"{name}: {one['name']}: ")
        return rows
    if any(isinstance(one, Mapping | list | tuple) for one in values) or len(values) > _MOST:
        return {name: f"{len(values)} entries"}
    told = (fmt.number(one, 5) if isinstance(one, float) else str(one) for one in values)
    return {name: ", ".join(told)}
