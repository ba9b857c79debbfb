"""Operands of ``zoo compare``: files, runs, tags, models, the last record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.benchmark.compare.comparison import Side
from zoo.benchmark.timing import RUN, TAGGED
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.files import no_file
from zoo.results.measurements import Measurement, Samples
from zoo.results.queries import (
    files_on,
    newest_of_model,
    newest_of_run,
    newest_on_device,
    runs_and_files,
)
from zoo.results.record_text import read_record
from zoo.results.records import RECORDS, StepRecord
from zoo.results.store import Store, StoredRecord

LAST = "last"
_MEASUREMENT = TypeAdapter(Measurement)


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """A measurement that the store, or the folder of a run, remembers.

    Attributes:
        load: Reads its samples; None where the store does not have them.
    """

    measurement: Measurement
    origin: str
    load: Callable[[], Samples | None]

    def side(self) -> Side:
        """As one side of a comparison."""
        return Side(measurement=self.measurement, samples=self.load(), origin=self.origin)


@dataclass(frozen=True, kw_only=True, eq=False)
class Operand:
    """What a name stands for in a comparison: a file to time now, or recorded measurements.

    Attributes:
        text: The name, as typed.
        file: The file to time; None for recorded measurements.
        recorded: The newest measurement of each file, device, runtime, number of threads,
            batch and shape of inputs; empty for a file to time.
    """

    text: str
    file: Path | None = None
    recorded: tuple[Recorded, ...] = ()


def operand_named(store: Store, text: str, suffixes: Sequence[str]) -> Operand:
    """The operand of a name: a file, a run's folder or name, a tag, a model id.

    Args:
        store: Where results are recorded.
        text: As typed.
        suffixes: Of the known formats, to tell a file that is missing from a name that is unknown.

    Raises:
        UsageError: It names nothing, or nothing that was timed.
    """
    path = Path(text)
    if no_file(path) is None and path.name != RECORDS:
        return Operand(text=text, file=path)
    folder = path.parent if path.name == RECORDS else path
    if no_file(folder / RECORDS) is None:
        return _measured(text, _newest(_recorded_in(store, folder)))
    for stored in (
        newest_of_run(store, text),
        newest_of_run(store, f"{TAGGED}{text}"),
        newest_of_model(store, text),
    ):
        found = _newest(_read(store, stored))
        if found:
            return Operand(text=text, recorded=found)
    if text.endswith(tuple(suffixes)) or "/" in text:
        problem = no_file(path, missing=f"there is no file or run {text}")
        raise BadFile(problem or f"there is no run {text}", fix="check the path")
    runs, files = runs_and_files(store)
    hint = None if files else "name two files, or record something first: zoo bench FILE --tag NAME"
    raise UnknownName("file, run, tag or model", text, _names(runs, files), fix=hint)


def run_operand(store: Store, run: str) -> Operand:
    """What a run has timed, by its name alone.

    Raises:
        UsageError: It timed nothing.
    """
    return _measured(run, _newest(_read(store, newest_of_run(store, run))))


def last_record(
    store: Store,
    device: str,
    file: str,
    threads: int,
    shapes: Mapping[str, Sequence[tuple[int, ...]]] | None = None,
) -> Recorded:
    """The newest measurement on a device: of a file of that name and number of threads, at best.

    Args:
        store: Where results are recorded.
        device: Its name.
        file: Name of the file.
        threads: For one inference.
        shapes: Of its inputs by name, one each; those that are not named may be any.

    Raises:
        UsageError: Nothing was ever timed there, or no file of that name.
    """
    same = list(_read(store, newest_on_device(store, device, file)))
    if not same:
        files = files_on(store, device)
        raise UsageError(
            f"no record of {file} on {device!r} to compare with",
            why=f"recorded there: {', '.join(files)}" if files else "nothing was timed there yet",
            fix=f"record it first: zoo bench {file} --device {device}",
        )
    alike = [one for one in same if one.measurement.threads == threads]
    for name, (shape,) in (shapes or {}).items():
        sized = [
            one
            for one in alike or same
            if shape
            in (
                [*one.measurement.shapes.values()]
                if not name
                else [one.measurement.shapes.get(name)]
            )
        ]
        if not sized:
            raise UsageError(
                f"no record of {file} on {device!r} with that shape to compare with",
                fix=f"record it first: zoo bench {file} --device {device} --shape …",
            )
        alike = sized
    return (alike or same)[-1]


def _read(store: Store, found: Iterable[StoredRecord]) -> Iterator[Recorded]:
    for stored in found:
        measurement = _measurement(stored.record)
        if measurement is not None:
            load = _loader(store, stored.record.key)
            yield Recorded(measurement=measurement, origin=stored.run, load=load)


def _recorded_in(store: Store, folder: Path) -> Iterator[Recorded]:
    path = folder / RECORDS
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        steps = [read_record(json.dumps(step)) for step in plain]
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise BadFile(f"{path} is not the record of a run", why=str(error)[:200]) from error
    for step in steps:
        found = _measurement(step) if step.kind == "bench" else None
        if found is not None:
            name = folder.resolve().name
            yield Recorded(measurement=found, origin=name, load=_loader(store, step.key))


def _measurement(record: StepRecord) -> Measurement | None:
    if record.status != "passed" or record.result is None:
        return None
    try:
        found = _MEASUREMENT.validate_python(record.result)
    except ValidationError:
        return None  # of a version that measured other things
    return None if found.summaries else found  # A vendor's tool keeps nothing to compare.


def _loader(store: Store, key: str) -> Callable[[], Samples | None]:
    def load() -> Samples | None:
        packed = store.samples(key)
        return None if packed is None else Samples.decode(packed)

    return load


def _measured(text: str, found: tuple[Recorded, ...]) -> Operand:
    if not found:
        raise UsageError(f"nothing was timed in the run {text}", fix="time its files: zoo bench")
    return Operand(text=text, recorded=found)


def _newest(found: Iterable[Recorded]) -> tuple[Recorded, ...]:
    """The newest of each file in each place; later ones come later."""
    by_place: dict[tuple[Any, ...], Recorded] = {}
    for one in found:
        by_place[(one.measurement.file, *cell_identity(one.measurement))] = one
    return tuple(by_place.values())


def cell_identity(m: Measurement) -> tuple[str, str, int, int, str]:
    """Where and how a file ran, as far as it is chosen by users."""
    return m.device, m.runtime, m.threads, m.batch, m.shape


def _names(runs: Iterable[str], files: Iterable[str]) -> list[str]:
    origins = {run.removeprefix(TAGGED) for run in runs} - {RUN}
    models = {".".join(file.split(".")[:2]) for file in files}
    return sorted({*origins, *models, LAST})
