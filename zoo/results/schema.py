"""The version of the results store's schema, and the migrations that lead to it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from zoo.common.errors import ZooError

#: The last of `migrations/versions`, a whole number.
VERSION = 4
#: Where a database records its version, in alembic's form; it has none when it was made before
#: there were versions.
VERSION_TABLE = "zoo_schema_version"
#: Another process may be writing: SQLite lets one at a time.
PATIENCE_SECONDS = 60.0

#: A table that stores have had since before there were versions.
_OLDEST = "records"
#: Kinds of database that belong to one program as a whole.
_OF_ONE_PROGRAM = ("sqlite",)

# Alembic hands its context to the migrations through a module.
_ONE_AT_A_TIME = threading.Lock()
# What makes a transaction the only one that changes the schema.
_ALONE = {
    # Readers go on while a run writes.
    "sqlite": ("PRAGMA journal_mode=WAL", "BEGIN IMMEDIATE"),
    # Any number, if always the same.
    "postgresql": ("SELECT pg_advisory_xact_lock(8023919)",),
}


def prepare(engine: sa.Engine, patience: float) -> None:
    """Brings a database, empty or of an earlier version, to `VERSION`: wholly, or not at all.

    Processes that do so at once wait for each other.

    Args:
        engine: Connects to it.
        patience: Seconds to wait for a file that another process has locked.

    Raises:
        ZooError: A later program has written the database.
        sqlalchemy.exc.SQLAlchemyError: It cannot be read or written, or is not a results store.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with engine.connect() as connection:
                current = _is_current(connection)
            return None if current else _migrate(engine)
        except OperationalError as error:
            # SQLite does not wait by itself while another process turns the journal on.
            if "locked" not in str(error.orig) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _is_current(connection: sa.Connection) -> bool:
    tables = sa.inspect(connection).get_table_names()
    if VERSION_TABLE not in tables:
        _refuse_other(connection, tables)
        return False
    version = sa.column("version_num", sa.String)
    query = sa.select(version).select_from(sa.table(VERSION_TABLE))
    recorded = connection.execute(query).scalar()
    if recorded is None or recorded == str(VERSION):
        return recorded is not None
    if not recorded.isdecimal() or int(recorded) > VERSION:
        raise ZooError(
            f"the results store {connection.engine.url!r} cannot be used",
            why=f"a later edgezoo wrote it: its schema has version {recorded}, "
            f"and this program reads those up to {VERSION}",
            fix="upgrade edgezoo, or name another with --store",
        )
    return False


def _refuse_other(connection: sa.Connection, tables: list[str]) -> None:
    """A file of SQLite belongs to one program; databases of a server are shared by many."""
    if tables and _OLDEST not in tables and connection.dialect.name in _OF_ONE_PROGRAM:
        raise ZooError(
            f"{connection.engine.url!r} is the database of another program",
            why=f"it holds {', '.join(sorted(tables)[:6])}, and nothing of edgezoo",
            fix="name another with --store",
        )


def _migrate(engine: sa.Engine) -> None:
    # Python's driver of SQLite begins no transaction before a change of the schema: in its place,
    # the second statement below does.
    options = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "sqlite" else {}
    connected = engine.connect().execution_options(**options)
    with _ONE_AT_A_TIME, connected as connection, connection.begin():
        for statement in _ALONE.get(engine.dialect.name, ()):
            connection.exec_driver_sql(statement)
        if not _is_current(connection):
            _upgrade(connection)


def _upgrade(connection: sa.Connection) -> None:
    """Runs the migrations that a database lacks, in the transaction of its connection."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    folder = str(Path(__file__).with_name("migrations"))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    command.upgrade(config, "head")
