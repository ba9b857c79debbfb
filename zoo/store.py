"""The results store: immutable records in a database, append-only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from zoo.errors import UsageError, ZooError
from zoo.paths import data_folder
from zoo.records import StepRecord, as_plain

_METADATA = sa.MetaData()

RECORDS = sa.Table(
    "records",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.String(200), nullable=False, index=True),
    sa.Column("step", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False, index=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("created", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

SAMPLES = sa.Table(
    "samples",
    _METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("nanoseconds", sa.LargeBinary, nullable=False),
)

#: The database itself refuses to change or remove what was recorded.
_APPEND_ONLY = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {table}_no_{action.lower()} BEFORE {action} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'records are append-only'); END"
    for table in ("records", "samples")
    for action in ("UPDATE", "DELETE")
)


@dataclass(frozen=True, kw_only=True)
class StoredRecord:
    """A record with the run that made it."""

    run: str
    record: StepRecord


def default_url() -> str:
    """SQLite in the user's data folder."""
    return f"sqlite:///{data_folder() / 'records.sqlite'}"


class Store:
    """Appends and reads records.

    Args:
        url: A database URL as SQLAlchemy writes it; None for the default.

    Raises:
        UsageError: The URL is not one, or its driver is not installed.
        ZooError: The database cannot be opened, or is not one of ours.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        try:
            parsed = sa.make_url(self.url)
            if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, ":memory:"):
                Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(parsed)
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            raise UsageError(
                f"--store {self.url} is not a usable database URL",
                why=str(error),
                fix="for example: --store sqlite:////home/me/records.sqlite",
            ) from error
        except OSError as error:
            raise ZooError(f"the folder of {self.url} cannot be made", why=str(error)) from error
        with self._errors():
            self._prepare()

    def _prepare(self) -> None:
        _METADATA.create_all(self._engine)
        if self._engine.dialect.name != "sqlite":
            return
        with self._engine.begin() as connection:
            # Readers go on while a run writes.
            connection.execute(sa.text("PRAGMA journal_mode=WAL"))
            for statement in _APPEND_ONLY:
                connection.execute(sa.text(statement))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise ZooError(
                f"the results store {self.url} cannot be used",
                why=str(getattr(error, "orig", None) or error).splitlines()[0],
                fix="name another with --store, or repair or move that file away",
            ) from error

    def append(self, run: str, record: StepRecord, samples: bytes | None = None) -> None:
        """Adds a record, and the compressed raw samples of a measurement."""
        row = {
            "run": run,
            "step": record.step,
            "kind": record.kind,
            "key": record.key,
            "status": record.status,
            "created": record.created,
            "body": json.dumps(as_plain(record)),
        }
        with self._errors(), self._engine.begin() as connection:
            connection.execute(RECORDS.insert(), row)
            if samples is not None:
                connection.execute(SAMPLES.insert(), {"key": record.key, "nanoseconds": samples})

    def records(self, *, run: str | None = None, kind: str | None = None) -> list[StoredRecord]:
        """Records in the order they were added."""
        query = sa.select(RECORDS.c.run, RECORDS.c.body).order_by(RECORDS.c.id)
        if run is not None:
            query = query.where(RECORDS.c.run == run)
        if kind is not None:
            query = query.where(RECORDS.c.kind == kind)
        with self._errors(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [StoredRecord(run=row.run, record=read_record(json.loads(row.body))) for row in rows]

    def samples(self, key: str) -> bytes | None:
        """The compressed raw samples recorded under `key`."""
        query = sa.select(SAMPLES.c.nanoseconds).where(SAMPLES.c.key == key)
        with self._errors(), self._engine.connect() as connection:
            found: bytes | None = connection.execute(query.limit(1)).scalar()
        return found

    def close(self) -> None:
        """Releases the database."""
        self._engine.dispose()


def read_record(values: dict[str, Any]) -> StepRecord:
    """A record from its dictionary; keys of later versions are left out."""
    known = set(StepRecord.__dataclass_fields__)
    return StepRecord(**{key: value for key, value in values.items() if key in known})
