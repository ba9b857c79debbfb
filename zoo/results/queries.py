"""Reads of the results store by its indexes: newest latencies, and what was added since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from zoo.results.store import Store, StoredRecord
from zoo.results.tables import MEASURED, RECORDS, plain_text

_M = MEASURED.c
#: Numbers in one query: databases take only so many values.
_AT_ONCE = 500
#: What tells one place where a file ran from another.
_PLACE = (_M.file, _M.device, _M.runtime, _M.threads, _M.batch, _M.shapes)


def newest_of_run(store: Store, run: str) -> list[StoredRecord]:
    """The newest latency of each file in each place that a run recorded, the oldest first."""
    return _newest(store, _M.run == plain_text(run))


def newest_of_model(store: Store, model: str) -> list[StoredRecord]:
    """The same of the files whose names begin with a model's, as in ``lenet5.digits.int8.onnx``."""
    name = plain_text(model)
    # The character behind the dot ends the range.
    return _newest(store, _M.file >= f"{name}.", _M.file < f"{name}/")


def newest_on_device(store: Store, device: str, file: str) -> list[StoredRecord]:
    """The same of one file on a device."""
    return _newest(store, _M.device == plain_text(device), _M.file == plain_text(file))


def files_on(store: Store, device: str) -> list[str]:
    """Names of all files that were timed on a device."""
    return _distinct(store, _M.file, _M.device == plain_text(device))


def runs_and_files(store: Store) -> tuple[list[str], list[str]]:
    """Names of all runs that timed something, and of all files that were timed."""
    return _distinct(store, _M.run), _distinct(store, _M.file)


def later_than(store: Store, number: int, most: int) -> list[tuple[int, StoredRecord]]:
    """The first `most` records behind one, each with its own number, in the order of these."""
    query = sa.select(RECORDS.c.id, RECORDS.c.run, RECORDS.c.body).where(RECORDS.c.id > number)
    rows = store.select(query.order_by(RECORDS.c.id).limit(most))
    return list(zip((row.id for row in rows), store.read(rows), strict=True))


def texts_later_than(store: Store, number: int, most: int) -> list[tuple[int, str, str]]:
    """The first `most` records behind one, unread: of each its number, run and JSON."""
    query = sa.select(RECORDS.c.id, RECORDS.c.run, RECORDS.c.body).where(RECORDS.c.id > number)
    return [tuple(row) for row in store.select(query.order_by(RECORDS.c.id).limit(most))]


@dataclass(frozen=True, slots=True)
class ResultText:
    """A record by its columns.

    Attributes:
        number: Of the record.
        body: Its JSON; None unless it is of a kind that was asked for and has a result.
    """

    number: int
    run: str
    kind: str
    key: str
    status: str
    created: str
    body: str | None


def results_later_than(
    store: Store, number: int, most: int, kinds: Collection[str]
) -> list[ResultText]:
    """The first `most` records behind one; texts of those kinds alone are read."""
    told = RECORDS.c.kind.in_(kinds) & RECORDS.c.status.in_(("passed", "rejected"))
    columns = (RECORDS.c[name] for name in ("id", "run", "kind", "key", "status", "created"))
    query = sa.select(*columns, sa.case((told, RECORDS.c.body))).where(RECORDS.c.id > number)
    rows = store.select(query.order_by(RECORDS.c.id).limit(most))
    return [ResultText(*row) for row in rows]


def numbered(store: Store, number: int) -> StoredRecord | None:
    """The record of a number; None where there is none."""
    query = sa.select(RECORDS.c.run, RECORDS.c.body).where(RECORDS.c.id == number)
    found = store.read(store.select(query))
    return found[0] if found else None


def several(store: Store, numbers: Iterable[int]) -> Iterator[tuple[int, StoredRecord]]:
    """Records of these numbers, in the order of these; those that there are."""
    wanted = sorted(set(numbers))
    for begin in range(0, len(wanted), _AT_ONCE):
        some = RECORDS.c.id.in_(wanted[begin : begin + _AT_ONCE])
        query = sa.select(RECORDS.c.id, RECORDS.c.run, RECORDS.c.body).where(some)
        rows = store.select(query.order_by(RECORDS.c.id))
        yield from zip((row.id for row in rows), store.read(rows), strict=True)


def numbers_behind(store: Store, number: int) -> list[int]:
    """Numbers of all records behind one."""
    query = sa.select(RECORDS.c.id).where(RECORDS.c.id > number).order_by(RECORDS.c.id)
    return [row.id for row in store.select(query)]


def _newest(store: Store, *where: sa.ColumnElement[bool]) -> list[StoredRecord]:
    last = sa.select(sa.func.max(_M.record)).where(*where).group_by(*_PLACE)
    query = sa.select(RECORDS.c.run, RECORDS.c.body).where(RECORDS.c.id.in_(last))
    return store.read(store.select(query.order_by(RECORDS.c.id)))


def _distinct(store: Store, column: sa.Column[str], *where: sa.ColumnElement[bool]) -> list[str]:
    """All values of an indexed column, by as many looks into the index as there are values."""
    first = sa.select(sa.func.min(column).label("value")).where(*where)
    found = first.cte("found", recursive=True)
    above = sa.select(sa.func.min(column)).where(column > found.c.value, *where).scalar_subquery()
    found = found.union_all(sa.select(above).where(found.c.value.is_not(None)))
    query = sa.select(found.c.value).where(found.c.value.is_not(None))
    return [row.value for row in store.select(query)]
