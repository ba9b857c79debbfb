"""How a results store is connected to: options of drivers, and what to do when it fails."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from zoo.common.errors import EnvironmentFailed, UsageError, ZooError
from zoo.common.shown_text import without_passwords
from zoo.results.addresses import common_spelling, parsed_address, sqlite_file
from zoo.results.outbox import Outbox
from zoo.results.schema import VERSION_TABLE
from zoo.results.tables import METADATA

#: Options of libpq by which a server that is out of reach, or a network that is cut without a
#: word, costs seconds and not minutes; what the address has itself, takes their place.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
#: Drivers that take them.
_OF_LIBPQ = ("psycopg", "psycopg2")
#: SQLSTATE of what a user, or a replica, may not do.
_NO_RIGHTS = ("42501", "25006")


class StoreAway(EnvironmentFailed):
    """A store that cannot be used now and may be later: locked, or its server is out of reach."""


class StoreLocked(StoreAway):
    """A file of SQLite that another program keeps to itself."""


class NoStore(UsageError):
    """There is no store at an address, or nothing in it, and none is made to be read."""


def hidden_password(url: str) -> str:
    """A database URL with ``***`` in place of its password, also one that cannot be parsed."""
    try:
        hidden = parsed_address(url).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        hidden = re.sub(r"(//[^/@:]*):.*@", r"\1:***@", url)
    return without_passwords(hidden)  # of which a part may stand behind an @


def outbox_and_options(parsed: sa.URL, patience: float) -> tuple[Outbox | None, dict[str, Any]]:
    """Where records of a database wait, if anywhere, and what its engine is made with.

    Args:
        parsed: Its address.
        patience: Seconds to wait for another process that holds a file's lock.
    """
    if parsed.get_backend_name() != "sqlite":
        return Outbox(common_spelling(parsed)), _of_server(parsed)
    if sqlite_file(parsed) is None:
        # One database for all threads; it ends with its process, so nothing can wait for it.
        return None, {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    return Outbox(common_spelling(parsed)), {"connect_args": {"timeout": patience}}


def _of_server(parsed: sa.URL) -> dict[str, Any]:
    # A connection that the server, or a proxy, has ended meanwhile is replaced before it is used.
    options: dict[str, Any] = {"pool_pre_ping": True}
    if parsed.get_driver_name() in _OF_LIBPQ:
        own = {name: value for name, value in _LIBPQ.items() if name not in parsed.query}
        options["connect_args"] = own
    if parsed.get_driver_name() == "psycopg":
        # Poolers such as PgBouncer give each transaction to another connection, which lacks them.
        options["connect_args"]["prepare_threshold"] = None
    return options


def is_locked(error: BaseException) -> bool:
    """Whether another process keeps a file of SQLite to itself."""
    return "database is locked" in str(getattr(error, "orig", error))


def class_of(error: BaseException) -> type[ZooError]:
    """The class that tells whether it is worth while to try again."""
    if is_locked(error):
        return StoreLocked
    return StoreAway if isinstance(error, OperationalError | InterfaceError) else EnvironmentFailed


def lacks_rights(error: BaseException) -> bool:
    """Whether a database refused what its user may not do."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _NO_RIGHTS


def way_out(engine: sa.Engine, error: BaseException) -> str:
    """What to do about a database that cannot be used."""
    if engine.dialect.name == "sqlite":
        if is_locked(error):
            return "another program holds it: when that has ended, type the same again"
        # SQLite writes beside its file even to read it.
        if "readonly database" in str(error):
            return "copy it to a folder that you can write, and name the copy with --store"
        return "name another with --store, or repair or move that file away"
    if lacks_rights(error):
        tables, user = ", ".join(METADATA.tables), f'"{engine.url.username or "USER"}"'
        return (
            f"its owner gives the rights: GRANT SELECT, INSERT ON {tables} TO {user}; GRANT SELECT "
            f"ON {VERSION_TABLE} TO {user}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "
            f"{user}; or name another with --store"
        )
    return (
        "see that the server runs, knows this user, password and database, and can be reached; or "
        "name another with --store"
    )
