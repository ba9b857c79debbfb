"""The results store: immutable records in a database, append-only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from zoo.common.errors import MissingExtra, UsageError, ZooError
from zoo.common.optional_imports import EXTRA_OF
from zoo.common.paths import data_folder
from zoo.results.records import StepRecord, as_plain
from zoo.results.schema import PATIENCE_SECONDS, prepare

#: Today's schema; `zoo.results.migrations` leads to it.
METADATA = sa.MetaData()

RECORDS = sa.Table(
    "records",
    METADATA,
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
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("nanoseconds", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, kw_only=True)
class StoredRecord:
    """A record with its run."""

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
        MissingExtra: Its driver is one that an extra brings.
        ZooError: The database cannot be opened, is not one of ours, or a later program's.
    """

    def __init__(self, url: str | None = None) -> None:
        self.url = url or default_url()
        try:
            parsed = sa.make_url(self.url)
            options = {}
            if parsed.get_backend_name() == "sqlite":
                options = {"timeout": PATIENCE_SECONDS}
                if parsed.database not in (None, ":memory:"):
                    Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(parsed, connect_args=options)
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            driver = getattr(error, "name", None)
            if driver in EXTRA_OF:
                raise MissingExtra(driver, EXTRA_OF[driver]) from error
            raise UsageError(
                f"--store {self.url} is not a usable database URL",
                why=str(error),
                fix="for example: --store sqlite:////home/me/records.sqlite",
            ) from error
        except OSError as error:
            raise ZooError(
                f"the folder of {self.url} cannot be made",
                why=error.strerror,
                fix="name another with --store",
            ) from error
        with self._errors():
            prepare(self._engine)

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
        try:
            return [StoredRecord(run=row.run, record=read_record(row.body)) for row in rows]
        except ValueError as error:
            raise ZooError(
                f"the results store {self.url} holds a row that is no record",
                why=str(error),
                fix="name another with --store: something else wrote into this one",
            ) from error

    def samples(self, key: str) -> bytes | None:
        """The compressed raw samples recorded under `key`."""
        query = sa.select(SAMPLES.c.nanoseconds).where(SAMPLES.c.key == key)
        with self._errors(), self._engine.connect() as connection:
            found: bytes | None = connection.execute(query.limit(1)).scalar()
        return found

    def close(self) -> None:
        """Releases the database."""
        self._engine.dispose()


_RECORD = TypeAdapter(StepRecord)


def read_record(text: str) -> StepRecord:
    """A record from its JSON; keys of later versions are left out.

    Raises:
        ValueError: It is not the JSON of a record.
    """
    return _RECORD.validate_python(json.loads(text))
