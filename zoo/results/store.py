"""The results store: immutable records in a database, append-only.

What the database does not take, because it is locked, full or away, waits in an `Outbox`, and the
next command that opens it appends it.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    CompileError,
    DataError,
    IntegrityError,
    ProgrammingError,
    SAWarning,
    SQLAlchemyError,
)

from zoo.common.errors import EnvironmentFailed, MissingExtra, UsageError, ZooError
from zoo.common.extras import EXTRA_OF
from zoo.common.paths import data_folder
from zoo.common.progress import OnStep, quiet
from zoo.results.addresses import default_url, example, is_named, parsed_address
from zoo.results.answer_timeout import limit_answers
from zoo.results.connecting import (
    NoStore,
    class_of,
    hidden_password,
    lacks_rights,
    outbox_and_options,
    way_out,
)
from zoo.results.database_file import DatabaseFile, database_file
from zoo.results.outbox import OutboxEntry, keep, remove
from zoo.results.record_text import is_whole, read_record
from zoo.results.records import StepRecord, as_plain
from zoo.results.schema import PATIENCE_SECONDS, prepare
from zoo.results.tables import MEASURED, RECORDS, SAMPLES, index_record, plain_text

_log = logging.getLogger(__name__)

#: Errors that are about a row, not about a database that is locked, full or out of reach.
_REFUSED = (CompileError, ArgumentError, DataError, IntegrityError, ProgrammingError)


@dataclass(frozen=True, kw_only=True)
class StoredRecord:
    """A record with its run."""

    run: str
    record: StepRecord


class Store:
    """Appends and reads records.

    Args:
        url: A database URL as SQLAlchemy writes it, or the path of a file of SQLite; None for the
            default.
        writes: Whether records will be added: what may only be read is refused, and what is not
            there is made. Else nothing is made, and of the default nothing is read.
        patience: Seconds to wait for another program that holds a lock, and for each answer of a
            server; None for as long as a run would rather wait than leave its records unread.
        opened: Whether it is opened at once; else with its first read, and again after its file was
            replaced.

    Attributes:
        name: The URL without its password.
        unrecorded: Records that wait in the outbox.
        openings: How often it was opened by a read; a file that was replaced is another store.

    Raises:
        UsageError: The URL is not one, or its driver is not installed.
        MissingExtra: Its driver is one that an extra brings.
        NoStore: There is none, and it would only be read.
        StoreAway: It is locked, or its server cannot be reached.
        ZooError: The database cannot be opened, is not one of ours, or a later program's.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        writes: bool = True,
        patience: float | None = None,
        opened: bool = True,
    ) -> None:
        self.url = url or default_url()
        self.name = hidden_password(self.url)
        self.unrecorded = 0
        self._writes, self._opened = writes, opened
        self._patience = PATIENCE_SECONDS if patience is None else patience
        self._file: DatabaseFile | None = None
        self._ready = opened
        self.openings = 0
        self._opening = threading.Lock()
        self._kept_nowhere = 0
        self._problem: ZooError | None = None
        self._away = False
        self._lock = threading.Lock()
        try:
            parsed = parsed_address(self.url)
            # A driver would take what follows for the host, and name it in its error.
            if "@" in (parsed.host or ""):
                raise ValueError("an @ in a user name or password is written %40")
            self._file = database_file(parsed)
            if (
                not writes
                and opened
                and not is_named(url)
                and self._file is not None
                and not self._file.is_there()
            ):
                # Nothing was ever recorded: nothing is read.
                parsed, self._file = sa.make_url("sqlite://"), None
            self._outbox, options = outbox_and_options(parsed, self._patience)
            # An option that the driver leaves out, with a warning, would seem to take effect.
            with warnings.catch_warnings():
                warnings.simplefilter("error", SAWarning)
                self._engine = sa.create_engine(parsed, hide_parameters=True, **options)
            limit_answers(self._engine, patience)
            if writes and self._file is not None and "uri" not in parsed.query:
                self._file.path.parent.mkdir(parents=True, exist_ok=True)
        except (SQLAlchemyError, SAWarning, ModuleNotFoundError, ValueError) as error:
            driver = getattr(error, "name", None)
            if driver in EXTRA_OF:
                raise MissingExtra(driver, EXTRA_OF[driver]) from error
            raise UsageError(
                f"--store {self.name} is not a usable database URL",
                why=str(error).partition(" (Background")[0].replace(self.url, self.name),
                fix=example(self.url),
            ) from error
        except OSError as error:
            raise EnvironmentFailed(
                f"the folder of {self.name} cannot be made",
                why=error.strerror,
                fix="name another with --store",
            ) from error
        if opened:
            self.open()

    def open(self) -> None:
        """Brings the database to today's schema, and appends what waits for it.

        Raises:
            ZooError: As when it is made.
        """
        if not self._writes and self._file is not None and not self._file.is_there():
            raise NoStore(
                f"there is no results store {self.name}",
                why="nothing was recorded there yet, or its name is another",
                fix="name the one that a command recorded into with --store, or record a first "
                "result: zoo ship, zoo bench",
            )
        _log.debug("results are in %s", self.name)
        with self._errors():
            prepare(self._engine, self._patience)
        if self._writes:
            self._refuse_read_only()
        self._append_waiting()

    def ready(self) -> None:
        """Opens what was left closed, or was replaced meanwhile; what reads it does so by itself.

        Raises:
            ZooError: As when it is made.
        """
        if self._opened:
            return
        with self._opening:
            if not self._ready or (self._file is not None and self._file.is_another()):
                self._ready = False
                self._engine.dispose()
                self.open()
                self._ready = True
                self.openings += 1

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error)
            raise class_of(error)(
                f"the results store {self.name} cannot be used",
                why=why.splitlines()[0].replace(self.url, self.name),
                fix=way_out(self._engine, error),
            ) from error

    def _refuse_read_only(self) -> None:
        """Adds a row of each table and takes it back, on a server: files are the user's own.

        Raises:
            ZooError: The database refuses it; one that is away is asked again later.
        """
        if self._engine.dialect.name == "sqlite":
            return
        texts = {"run": "", "step": "", "kind": "", "key": "", "status": "", "created": ""}
        places = dict.fromkeys(("run", "file", "device", "runtime", "shapes"), "")
        try:
            with self._engine.connect() as connection:
                connection.execute(RECORDS.insert(), {**texts, "body": ""})
                connection.execute(SAMPLES.insert(), {"key": "", "nanoseconds": b""})
                connection.execute(
                    MEASURED.insert(), {"record": -1, "threads": 0, "batch": 0, **places}
                )
                connection.rollback()
        except SQLAlchemyError as error:
            if lacks_rights(error):
                raise EnvironmentFailed(
                    f"the results store {self.name} may only be read",
                    why=str(getattr(error, "orig", error)).splitlines()[0],
                    fix=way_out(self._engine, error),
                ) from error

    def append(
        self, run: str, record: StepRecord, samples: bytes | None = None, *, token: str = ""
    ) -> None:
        """Adds a record, and the compressed raw samples of a measurement.

        When the database does not take it, it waits in the outbox, and `close` says so.

        Args:
            run: Its run.
            record: What is added.
            samples: Compressed raw samples.
            token: A record that is there under the same token is not added again.

        Raises:
            ZooError: Neither the database nor the outbox can be written.
        """
        row = {
            "run": plain_text(run),
            "step": plain_text(record.step),
            "kind": record.kind,
            "key": record.key,
            "status": record.status,
            "created": record.created,
            "body": json.dumps(as_plain(record)),
            "token": token or secrets.token_hex(16),
        }
        entry = OutboxEntry(row=row, samples=samples)
        if self._outbox is not None:
            entry = self._outbox.add(row, samples)
        if entry.file is None:
            self._insert(entry)
            self._kept_nowhere += 1
        else:
            self._try(entry)

    def _try(self, entry: OutboxEntry) -> None:
        """Inserts an entry, or leaves it in the outbox; a database that is away is asked once."""
        try:
            if not self._away:
                self._insert(entry)
                return
        except ZooError as error:
            # What it refuses for its content must not keep others from it.
            self._problem, self._away = error, not isinstance(error.__cause__, _REFUSED)
        keep(entry)
        self.unrecorded += 1

    def _insert(self, entry: OutboxEntry) -> None:
        with self._errors():
            try:
                with self._lock, self._engine.begin() as connection:
                    added = connection.execute(RECORDS.insert(), entry.row)
                    number: Any = added.inserted_primary_key
                    index_record(connection, number[0], entry.row)
                    if entry.samples is not None:
                        given = {"key": entry.row["key"], "nanoseconds": entry.samples}
                        connection.execute(SAMPLES.insert(), given)
            except IntegrityError:
                query = sa.select(RECORDS.c.id).where(RECORDS.c.token == entry.row["token"])
                with self._engine.connect() as connection:
                    if connection.execute(query).first() is None:
                        raise
        remove(entry)

    def _append_waiting(self) -> None:
        if self._outbox is None:
            return
        self.unrecorded, self._problem, self._away = 0, None, False
        for entry in self._outbox.entries():
            if is_whole(entry.row):
                self._try(entry)
        self._outbox.tidy()

    def records(self, *, run: str | None = None, kind: str | None = None) -> list[StoredRecord]:
        """Records in the order they were added."""
        query = sa.select(RECORDS.c.run, RECORDS.c.body).order_by(RECORDS.c.id)
        if run is not None:
            query = query.where(RECORDS.c.run == plain_text(run))
        if kind is not None:
            query = query.where(RECORDS.c.kind == kind)
        return self.read(self.select(query))

    def read(self, rows: Iterable[Any]) -> list[StoredRecord]:
        """The records of rows with a run and a body."""
        try:
            return [StoredRecord(run=row.run, record=read_record(row.body)) for row in rows]
        except ValueError as error:
            raise ZooError(
                f"the results store {self.name} holds a row that is no record",
                why=str(error),
                fix="name another with --store: something else wrote into this one",
            ) from error

    def select(self, query: sa.Select[Any]) -> list[Any]:
        """Rows of a query of `zoo.results.queries`."""
        self.ready()
        with self._errors(), self._engine.connect() as connection:
            return list(connection.execute(query).all())

    def samples(self, key: str) -> bytes | None:
        """The compressed raw samples recorded under `key`."""
        query = sa.select(SAMPLES.c.nanoseconds).where(SAMPLES.c.key == key)
        self.ready()
        with self._errors(), self._engine.connect() as connection:
            found: bytes | None = connection.execute(query.limit(1)).scalar()
        return found

    def close(self, on_step: OnStep = quiet) -> None:
        """Tries the outbox once more, says what stays there, and releases the database."""
        try:
            if self._kept_nowhere:
                text = f"{self._kept_nowhere:,} records are kept nowhere: the store is in memory"
                on_step("store", {"event": "note", "text": text})
            if self.unrecorded:
                self._append_waiting()
            if self.unrecorded:
                text = (
                    f"{self.unrecorded:,} records wait in {data_folder() / 'unrecorded'}, and are "
                    f"appended by the next command with this store: {self._problem}"
                )
                why = "" if self._problem is None else self._problem.why
                text = f"{text} ({why})" if why else text
                on_step("store", {"event": "note", "text": text})
        finally:
            if self._outbox is not None:
                self._outbox.tidy()
            self._engine.dispose()
