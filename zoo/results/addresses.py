"""Addresses of results stores: URLs, plain paths, and what all spellings of one have in common."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from zoo.common.paths import data_folder, expanded

#: Environment variable: the address of the store where no command names one, so that no password
#: stands in the list of processes.
STORE_VARIABLE = "ZOO_STORE"

#: Ends of names by which a plain path is known for a database of SQLite.
_ENDS = (".sqlite", ".sqlite3", ".db")
_IN_MEMORY = (None, "", ":memory:")
_SQLITE_OWN = "file:"
#: Options of libpq that say which database is meant; others say how it is connected to.
_WHERE = ("service", "options")


def default_url() -> str:
    """What ``ZOO_STORE`` names, or else SQLite in the user's data folder."""
    return os.environ.get(STORE_VARIABLE) or f"sqlite:///{data_folder() / 'records.sqlite'}"


def is_named(url: str | None) -> bool:
    """Whether the user has named the store, by an option or ``ZOO_STORE``."""
    return bool(url or os.environ.get(STORE_VARIABLE))


def parsed_address(text: str) -> sa.URL:
    """The URL of a store that is named by a URL, or by the path of a file of SQLite.

    Raises:
        sqlalchemy.exc.ArgumentError: It is neither.
        ValueError: The same.
    """
    if is_plain_path(text):
        return sa.URL.create("sqlite", database=str(expanded(text).absolute()))
    address = sa.make_url(text)
    file = sqlite_file(address)
    own = str(address.database).startswith(_SQLITE_OWN)
    return address if file is None or own else address.set(database=str(file))


def is_plain_path(text: str) -> bool:
    """Whether an address is a path with the end of a database's name, or of a file that is one."""
    if "://" in text or text.startswith("sqlite:"):
        return False
    return text.endswith(_ENDS) or expanded(text).is_file()


def example(text: str) -> str:
    """How to name a store instead of by an address that is none."""
    if text and ":" not in text:
        return f"name a file: --store sqlite:///{expanded(text).absolute() / 'records.sqlite'}"
    return "for example: --store results.sqlite, or sqlite:////home/me/records.sqlite"


def sqlite_file(address: sa.URL) -> Path | None:
    """The file of a database of SQLite; None of others, in memory or of a server."""
    name = address.database
    if address.get_backend_name() != "sqlite" or name in _IN_MEMORY:
        return None
    if not str(name).startswith(_SQLITE_OWN):
        return Path(str(name)).absolute()
    # An address of SQLite's own, with options behind it.
    path = str(name).removeprefix(_SQLITE_OWN)
    if path.startswith(":memory:") or address.query.get("mode") == "memory":
        return None
    return Path(f"/{path.lstrip('/')}" if path.startswith("/") else path).absolute()


def common_spelling(address: sa.URL) -> str:
    """One text for all addresses of one store, without a password."""
    if address.get_backend_name() == "sqlite":
        file = sqlite_file(address)
        return f"sqlite:///{address.database}" if file is None else f"sqlite:///{file.resolve()}"
    given = {name: _last(value) for name, value in address.query.items()}
    user = given.get("user") or address.username or ""
    host = (given.get("host") or address.host or "").lower()
    usual = "5432" if address.get_backend_name() == "postgresql" else ""
    port = given.get("port") or str(address.port or usual)
    name = given.get("dbname") or address.database or user
    where = "&".join(f"{option}={given[option]}" for option in _WHERE if option in given)
    spelled = f"{address.get_backend_name()}://{user}@{host}:{port}/{name}"
    return f"{spelled}?{where}" if where else spelled


def _last(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ",".join(value)
